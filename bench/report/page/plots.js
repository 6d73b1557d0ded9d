// Plots by uPlot. A series is {mode, points}; a point {x, y, least, greatest, limited, text}, of which the spread may be
// missing.

// All that is on the page, to be redrawn when colours or shown modes change.
const plots = new Set();

function redrawAll() {
    for (const plot of plots)
        plot.redraw(false, true);
}

const shownSeries = series => series.filter(each => each.mode.shown);
const valuesOf = series => series.flatMap(each => each.points.flatMap(
    point => [point.y, point.least ?? point.y, point.greatest ?? point.y]));

function axisLook(more) {
    return {
        stroke: () => themeColour('--muted'),
        font: '12px system-ui, sans-serif',
        labelFont: '12px system-ui, sans-serif',
        labelSize: 16,
        labelGap: 0,
        gap: 4,
        grid: {stroke: () => themeColour('--grid'), width: 1},
        ticks: {stroke: () => themeColour('--grid'), width: 1, size: 4},
        ...more,
    };
}

// The number at a place of an axis, without what the logarithm has added to it.
const nameOfPlace = (axis, {format}, place) => format(Number(axis.back(place).toPrecision(6)));

// Of the names below an axis, from left to right those that have room.
function namesWithRoom(plot, scale, names) {
    let free = -Infinity;
    return names.map(([at, name]) => {
        const place = plot.valToPos(at, scale);
        const half = 3.6 * name.length + 4;
        if (place - half < free)
            return null;
        free = place + half;
        return name;
    });
}

function drawPoint(plot, series, point, x, y, whisker, across) {
    const style = series.mode.style;
    const ratio = uPlot.pxRatio;
    const stroke = colour(style);
    if (whisker)
        drawWhisker(plot.ctx, across ? y : x, whisker[0], whisker[1], across, stroke, ratio);
    drawMarker(plot.ctx, style.marker, x, y, 4 * ratio, stroke, point.limited ? themeColour('--panel') : stroke);
}

const whiskerOf = (point, place) => point.greatest > point.least ? [place(point.least), place(point.greatest)] : null;

// What lies under the pointer, in words.
function tooltip(wrapper, describe) {
    const box = make('div', {class: 'tooltip', hidden: '', 'aria-hidden': 'true'});
    wrapper.append(box);
    return plot => {
        const {left, top, idx} = plot.cursor;
        const lines = left >= 0 && idx !== null && idx !== undefined ? describe(plot, idx) : null;
        box.hidden = !lines;
        if (!lines)
            return;
        box.replaceChildren(make('strong', {}, lines.title), ...lines.rows.map(([mode, text]) => {
            const row = make('span', {}, `${mode.name}  ${text}`);
            row.style.borderColor = colour(mode.style);
            return row;
        }));
        const offset = plot.over.offsetLeft + left;
        const right = offset > wrapper.clientWidth / 2;
        box.style.left = right ? '' : `${offset + 14}px`;
        box.style.right = right ? `${wrapper.clientWidth - offset + 14}px` : '';
        box.style.top = `${Math.max(0, plot.over.offsetTop + Math.min(top, plot.over.clientHeight - box.offsetHeight))}px`;
    };
}

// Puts a plot into `wrapper` and keeps it as wide as that.
function mount(wrapper, options, data) {
    const width = () => Math.max(240, Math.floor(wrapper.clientWidth));
    const plot = new uPlot({
        ...options,
        width: width(),
        legend: {show: false},
        hooks: {...options.hooks, draw: [...(options.hooks.draw ?? []), () => wrapper.dataset.drawn = 'true']},
    }, data, wrapper);
    const observer = new ResizeObserver(() => requestAnimationFrame(() => {
        if (plots.has(plot) && plot.width !== width())
            plot.setSize({width: width(), height: options.height});
    }));
    observer.observe(wrapper);
    plots.add(plot);
    return () => {
        observer.disconnect();
        plots.delete(plot);
        plot.destroy();
        wrapper.replaceChildren();
        delete wrapper.dataset.drawn;
    };
}

const cursorLook = {
    drag: {x: false, y: false},
    points: {show: false},
    y: false,
};

// How far apart, on the axis, the marks of neighbouring series stand where several have the same x: marks on top of each
// other would hide how far their runs reach. They never come near those of another x.
function dodgeStep(x, xs, many) {
    const [from, to] = x.bounds.map(x.of);
    const places = xs.map(x.of);
    const gaps = places.slice(1).map((place, i) => place - places[i]);
    if (!x.dodge || many < 2)
        return 0;
    const widest = Math.min(0.07 * (to - from), ...gaps.map(gap => gap / 3));
    return Math.min(0.009 * (to - from), widest / (many - 1));
}

// Lines of y against x. `x` is {of, bounds, steps, text, title, label, dodge}, `y` {format, logarithmic, numbers}.
function linePlot(wrapper, {x, y, series: all}) {
    const series = shownSeries(all);
    const xs = distinct(series.flatMap(each => each.points.map(point => point.x))).sort((a, b) => a - b);
    const byX = series.map(each => new Map(each.points.map(point => [point.x, point])));
    const axis = valueAxis(valuesOf(series), y.logarithmic, y.numbers);
    const step = dodgeStep(x, xs, series.length);
    const placeOf = (i, point) => {
        const those = [...series.keys()].filter(each => byX[each].has(point.x));
        return x.of(point.x) + step * (those.indexOf(i) - (those.length - 1) / 2);
    };
    const byPlace = series.map((each, i) => new Map(each.points.map(point => [placeOf(i, point), point])));
    const xOfPlace = new Map(byPlace.flatMap(points => [...points].map(([place, point]) => [place, point.x])));
    const places = [...xOfPlace.keys()].sort((a, b) => a - b);
    const data = [places, ...byPlace.map(points => places.map(
        place => points.has(place) ? axis.of(points.get(place).y) : null))];
    const steps = () => x.steps.map(x.of);
    const measuredAt = idx => xOfPlace.get(places[idx]);
    const describe = (plot, idx) => ({
        title: x.title(measuredAt(idx)),
        rows: series.map((each, i) => [each.mode, byX[i].get(measuredAt(idx))])
            .filter(([, point]) => point)
            .sort(([, a], [, b]) => b.y - a.y)
            .map(([mode, point]) => [mode, point.text]),
    });
    const show = tooltip(wrapper, describe);
    const options = {
        height: 280,
        padding: [10, 14, 0, 0],
        scales: {
            x: {time: false, range: () => x.bounds.map(x.of)},
            y: {range: () => axis.bounds.map(axis.of)},
        },
        axes: [
            axisLook({
                label: x.label,
                size: 26,
                splits: steps,
                values: plot => namesWithRoom(plot, 'x', x.steps.map(each => [x.of(each), x.text(each)])),
            }),
            axisLook({
                size: 62,
                splits: () => axis.steps(6).map(axis.of),
                values: (plot, at) => at.map(place => nameOfPlace(axis, y, place)),
            }),
        ],
        series: [{}, ...series.map(({mode}) => ({
            label: mode.name,
            stroke: () => colour(mode.style),
            width: 2,
            dash: mode.style.dash,
            spanGaps: true,
            points: {show: false},
        }))],
        cursor: {
            ...cursorLook,
            // To the nearest that was measured.
            move: (plot, left, top) =>
                left < 0 || xs.length === 0 ? [left, top]
                                            : [plot.valToPos(x.of(measuredAt(plot.posToIdx(left))), 'x'), top],
        },
        hooks: {
            setCursor: [show],
            drawSeries: [(plot, index) => {
                const each = series[index - 1];
                const place = value => plot.valToPos(axis.of(value), 'y', true);
                for (const point of each.points)
                    if (point.marked !== false)
                        drawPoint(plot, each, point, plot.valToPos(placeOf(index - 1, point), 'x', true), place(point.y),
                            whiskerOf(point, place), false);
            }],
        },
    };
    return mount(wrapper, options, data);
}

// One value for each mode, a row each. A series may have a `name` of its own.
function rowPlot(wrapper, {y, series}) {
    const rows = shownSeries(series);
    const axis = valueAxis(valuesOf(rows), y.logarithmic, y.numbers);
    const places = rows.map((_, i) => i);
    const show = tooltip(wrapper, (plot, idx) => ({
        title: '',
        rows: [[rows[idx].mode, rows[idx].points[0].text]],
    }));
    const names = rows.map(each => each.name ?? each.mode.name);
    const width = Math.max(0, ...names.map(name => name.length));
    const options = {
        height: 34 * rows.length + 44,
        padding: [4, 26, 0, 0],
        scales: {
            x: {time: false, ori: 1, dir: -1, range: () => [-0.6, rows.length - 0.4]},
            y: {ori: 0, dir: 1, range: () => axis.bounds.map(axis.of)},
        },
        axes: [
            axisLook({
                side: 3,
                stroke: () => themeColour('--text'),
                size: Math.min(140, 7 * width + 14),
                splits: () => places,
                values: () => names.map(name => name.length > 18 ? `${name.slice(0, 17)}\u2026` : name),
            }),
            axisLook({
                scale: 'y',
                side: 2,
                size: 28,
                splits: plot => axis.steps(plot.width < 480 ? 4 : 6).map(axis.of),
                values: (plot, at) => namesWithRoom(plot, 'y', at.map(place => [place, nameOfPlace(axis, y, place)])),
            }),
        ],
        series: [{}, {stroke: () => 'transparent', paths: () => null, points: {show: false}}],
        cursor: {...cursorLook, x: false},
        hooks: {
            setCursor: [show],
            draw: [plot => {
                const place = value => plot.valToPos(axis.of(value), 'y', true);
                rows.forEach((each, i) => {
                    const [point] = each.points;
                    const at = plot.valToPos(i, 'x', true);
                    drawPoint(plot, each, point, place(point.y), at, whiskerOf(point, place), true);
                });
            }],
        },
    };
    return mount(wrapper, options, [places, rows.map(each => axis.of(each.points[0].y))]);
}
