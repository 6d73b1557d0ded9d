// Plots by uPlot. A series is {mode, points}; a point {x, y, least, greatest, limited, text}, its spread and text optional.

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

// Lines of y against x. `x` is {of, bounds, steps, text, title, label}, `y` {format, logarithmic, numbers}.
function linePlot(wrapper, {x, y, series: all}) {
    const series = shownSeries(all);
    const xs = distinct(series.flatMap(each => each.points.map(point => point.x))).sort((a, b) => a - b);
    const byX = series.map(each => new Map(each.points.map(point => [point.x, point])));
    const axis = valueAxis(valuesOf(series), y.logarithmic, y.numbers);
    const data = [
        xs.map(x.of),
        ...byX.map(points => xs.map(each => points.has(each) ? axis.of(points.get(each).y) : null)),
    ];
    const steps = () => x.steps.map(x.of);
    const describe = (plot, idx) => ({
        title: x.title(xs[idx]),
        rows: series.map((each, i) => [each.mode, byX[i].get(xs[idx])])
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
                values: plot => {
                    // From left to right, those that have room.
                    let free = -Infinity;
                    return x.steps.map(step => {
                        const place = plot.valToPos(x.of(step), 'x');
                        const room = 3.6 * x.text(step).length + 4;
                        if (place - room < free)
                            return null;
                        free = place + room;
                        return x.text(step);
                    });
                },
            }),
            axisLook({
                size: 62,
                splits: () => axis.steps(6).map(axis.of),
                values: (plot, places) => places.map(place => y.format(Number(axis.back(place).toPrecision(6)))),
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
                left < 0 || xs.length === 0 ? [left, top] : [plot.valToPos(plot.data[0][plot.posToIdx(left)], 'x'), top],
        },
        hooks: {
            setCursor: [show],
            drawSeries: [(plot, index) => {
                const each = series[index - 1];
                const place = value => plot.valToPos(axis.of(value), 'y', true);
                for (const point of each.points)
                    if (point.marked !== false)
                        drawPoint(plot, each, point, plot.valToPos(x.of(point.x), 'x', true), place(point.y),
                            whiskerOf(point, place), false);
            }],
        },
    };
    return mount(wrapper, options, data);
}

// One value for each mode: a row each.
function rowPlot(wrapper, {y, series}) {
    const rows = shownSeries(series);
    const axis = valueAxis(valuesOf(rows), y.logarithmic, y.numbers);
    const places = rows.map((_, i) => i);
    const show = tooltip(wrapper, (plot, idx) => ({
        title: '',
        rows: [[rows[idx].mode, rows[idx].points[0].text]],
    }));
    const width = Math.max(0, ...rows.map(each => each.mode.name.length));
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
                values: () => rows.map(({mode}) => mode.name.length > 18 ? `${mode.name.slice(0, 17)}\u2026` : mode.name),
            }),
            axisLook({
                scale: 'y',
                side: 2,
                size: 28,
                splits: plot => axis.steps(plot.width < 480 ? 4 : 6).map(axis.of),
                values: (plot, at) => at.map(place => y.format(Number(axis.back(place).toPrecision(6)))),
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
                    drawPoint(plot, each, point, place(point.y), plot.valToPos(i, 'x', true), whiskerOf(point, place), true);
                });
            }],
        },
    };
    return mount(wrapper, options, [places, rows.map(each => axis.of(each.points[0].y))]);
}
