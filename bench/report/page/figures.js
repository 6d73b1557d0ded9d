// The figures of one shape of request.

// The measurements of each mode, in the modes' order, as series of points.
function seriesOf(modes, measurements, pointOf) {
    return modes.map(mode => ({
        mode,
        points: measurements.filter(each => each.mode === mode.name).map(pointOf).filter(point => point !== null),
    })).filter(each => each.points.length > 0);
}

const limitMark = measurement => measurement.limited_by_generator ? ' *' : '';

// A figure as a cell of a table.
function figureCell(measurement, value, format) {
    if (!value)
        return '\u2013';
    const cell = make('span', {}, format(value.median) + limitMark(measurement));
    if (value.runs.length > 1)
        cell.append(' ', make('small', {}, spreadOf(value, format)));
    return cell;
}

function figurePoint(measurement, x, value, format) {
    return value && {
        x,
        y: value.median,
        least: value.least,
        greatest: value.greatest,
        runs: value.runs.length,
        limited: measurement.limited_by_generator,
        text: withSpread(value, format) + limitMark(measurement),
        cell: figureCell(measurement, value, format),
    };
}

const limitNote = '* and hollow marks: the clients were at their limit. The server could do more.';

// What the whiskers are and how far they go: noise is part of the result.
function notesOf(series, where) {
    const points = series.flatMap(each => each.points.map(point => ({...point, mode: each.mode})));
    const repeated = points.filter(point => point.runs > 1 && point.y > 0);
    const notes = [];
    if (repeated.length > 0) {
        const share = point => (point.greatest - point.least) / point.y;
        const worst = repeated.reduce((a, b) => share(b) > share(a) ? b : a);
        const runs = Math.max(...repeated.map(point => point.runs));
        notes.push(`Marks: median of ${runs} runs. Whiskers: least to greatest; furthest apart for ` +
            `${worst.mode.name}${where(worst)}, ${percent(share(worst))} of the median.`);
    } else {
        notes.push('One run each: how far repeated runs would lie apart is not known.');
    }
    if (points.some(point => point.limited))
        notes.push(limitNote);
    return notes;
}

const bestOf = (series, most) => series.flatMap(each => each.points.map(point => ({...point, mode: each.mode})))
    .reduce((a, b) => (most ? b.y > a.y : b.y < a.y) ? b : a);

// Something against the number of connections, or by mode if there is one number only.
function againstConnections(shape, modes, {id, title, unit, measurements, choices, valueOf, format, axisFormat, numbers, logarithmic, most}) {
    const some = measurements.some(each => (choices ? choices[0].options : [{}]).some(({value}) => valueOf(each, value)));
    if (!some)
        return null;
    return figure({id: `${shape.key}/${id}`, title, choices, show: chosen => {
        const series = seriesOf(modes, measurements,
            each => figurePoint(each, each.connections, valueOf(each, chosen.percentile), format));
        const counts = distinct(series.flatMap(each => each.points.map(point => point.x))).sort((a, b) => a - b);
        const one = counts.length === 1;
        const best = bestOf(series, most);
        const where = point => one ? '' : ` with ${connectionsText(point.x)}`;
        const subject = `${title}, ${shape.name}${chosen.percentile ? `, ${nameOf(choices[0], chosen.percentile)}` : ''}`;
        const y = {format: axisFormat, numbers, logarithmic: logarithmic ?? farApart(valuesOf(series))};
        const x = {
            ...connectionAxis,
            bounds: [counts[0] * 0.75, counts.at(-1) / 0.75],
            steps: counts,
            text: count,
            title: connectionsText,
            label: 'connections',
        };
        return {
            unit: unit + (y.logarithmic ? ', log axis' : ''),
            plot: wrapper => one ? rowPlot(wrapper, {y, series}) : linePlot(wrapper, {x, y, series}),
            text: `${subject}. ${most ? 'Highest' : 'Lowest'}: ${best.mode.name}, ${best.text}${where(best)}. ` +
                'All numbers are in the table that follows.',
            notes: [...(one ? [`With ${connectionsText(counts[0])}.`] : []), ...notesOf(series, where)],
            tables: [table(`${subject}: median (least \u2013 greatest)`,
                ['mode', ...counts.map(connectionsText)],
                series.map(each => [each.mode.name, ...counts.map(
                    at => each.points.find(point => point.x === at)?.cell ?? '\u2013')]))],
        };
    }});
}

const nameOf = ({options}, value) => options.find(option => option.value === value).text;

const percentileChoice = {
    key: 'percentile',
    name: 'Percentile',
    options: percentiles.map(({key, name}) => ({value: key, text: name})),
    chosen: 'p99_us',
};

// Latency against the rate that was asked for: each mode at shares of its own peak.
function openLoopFigures(shape, modes, measurements) {
    const counts = distinct(measurements.map(each => each.connections)).sort((a, b) => a - b);
    if (counts.length === 0)
        return null;
    const connections = {
        key: 'connections',
        name: 'Connections',
        options: counts.map(each => ({value: String(each), text: count(each)})),
        chosen: String(counts.at(-1)),
    };
    return figure({
        id: `${shape.key}/open-loop`,
        title: 'Latency at a fixed rate',
        choices: [percentileChoice, connections],
        show: chosen => {
            const those = measurements.filter(each => String(each.connections) === chosen.connections)
                .sort((a, b) => a.target_rate - b.target_rate);
            const pointOf = each => {
                const point = figurePoint(each, each.rate?.median ?? each.target_rate, each.latency?.[chosen.percentile],
                    duration);
                return point && {...point, load: each.load, target: each.target_rate};
            };
            const series = seriesOf(modes, those, pointOf);
            const greatest = Math.max(0, ...series.flatMap(each => each.points.map(point => point.x))) || 1;
            const loads = distinct(those.map(each => each.load === null ? loadName(each) : percent(each.load)));
            const steps = linearSteps(decimal, greatest * 1.06, 6);
            const x = {
                ...linear,
                bounds: [0, greatest * 1.06],
                steps,
                text: thousands,
                title: rate => `${count(rate)} requests/s`,
                label: 'requests per second, answered',
            };
            const subject = `Latency at a fixed rate, ${shape.name}, ${connectionsText(Number(chosen.connections))}, ` +
                nameOf(percentileChoice, chosen.percentile);
            return {
                unit: 'from when a request was due (open loop), log axis',
                plot: wrapper => linePlot(wrapper, {x, y: {format: duration, logarithmic: true}, series}),
                text: `${subject}. All numbers are in the table that follows.`,
                notes: [
                    `Each mode at ${loads.join(', ')}${those.some(each => each.load !== null) ? ' of its own peak' : ''}, ` +
                        `with ${connectionsText(Number(chosen.connections))}. ` +
                        'A server that stalls is charged for all requests that were due meanwhile.',
                    ...notesOf(series, point => ` at ${count(point.x)} requests/s`),
                ],
                tables: [table(`${subject}: median (least \u2013 greatest)`,
                    ['mode', 'due, requests/s', 'answered, requests/s', 'latency'],
                    seriesOf(modes, those, each => each).flatMap(({mode, points}) => points.map(each => [
                        `${mode.name}${each.load === null ? '' : `, ${percent(each.load)}`}`,
                        count(each.target_rate),
                        figureCell(each, each.rate, count),
                        figureCell(each, each.latency?.[chosen.percentile], duration),
                    ])))],
            };
        },
    });
}

// The distribution, on the axis that gives each further nine the same room.
function percentileFigure(shape, modes) {
    const those = shape.measurements.filter(each => each.latency_points.length > 0);
    if (those.length === 0)
        return null;
    const counts = distinct(those.map(each => each.connections)).sort((a, b) => a - b);
    const most = number => those.filter(each => each.connections === number).length;
    const loads = distinct(those.map(loadName));
    const connections = {
        key: 'connections',
        name: 'Connections',
        options: counts.map(each => ({value: String(each), text: count(each)})),
        chosen: String(counts.reduce((a, b) => most(b) >= most(a) ? b : a)),
    };
    const load = {
        key: 'load',
        name: 'Load',
        options: loads.map((text, i) => ({value: String(i), text})),
        chosen: String(Math.max(0, loads.indexOf(loadName(those.find(each => each.load === 0.8) ?? those[0])))),
    };
    return figure({
        id: `${shape.key}/percentiles`,
        title: 'Latency by percentile',
        choices: [load, connections],
        show: chosen => {
            const picked = those.filter(each => String(each.connections) === chosen.connections &&
                loadName(each) === loads[chosen.load]);
            const series = seriesOf(modes, picked, each => each).map(({mode, points: [measurement]}) => ({
                mode,
                points: measurement.latency_points.filter(([percentile]) => percentile < 100).map(([percentile, latency]) => ({
                    x: percentile,
                    y: latency,
                    text: duration(latency),
                    marked: [50, 90, 99, 99.9, 99.99, 99.999].includes(percentile),
                    limited: measurement.limited_by_generator,
                })),
                longest: measurement.latency_points.find(([percentile]) => percentile === 100)?.[1],
            }));
            const all = distinct(series.flatMap(each => each.points.map(point => point.x))).sort((a, b) => a - b);
            const greatest = all.at(-1) ?? 99;
            const subject = `Latency by percentile, ${shape.name}, ${connectionsText(Number(chosen.connections))}, ` +
                loads[chosen.load];
            const x = {
                ...percentileAxis,
                bounds: [0, 100 - (100 - greatest) / 1.4],
                steps: percentileSteps(greatest),
                text: percentileName,
                title: percentileName,
                label: 'percentile',
            };
            const none = 'No mode was measured with these connections under this load.';
            return {
                unit: 'all runs together, log axes',
                plot: wrapper => linePlot(wrapper, {x, y: {format: duration, logarithmic: true}, series}),
                text: `${subject}. All numbers are in the table that follows.`,
                notes: [
                    series.length === 0 ? none : `With ${connectionsText(Number(chosen.connections))}, ${loads[chosen.load]}.`,
                    ...(picked.some(each => each.limited_by_generator) ? [limitNote] : []),
                ],
                tables: series.length === 0 ? [] : [table(subject, ['percentile', ...series.map(each => each.mode.name)], [
                    ...all.map(percentile => [percentileName(percentile), ...series.map(
                        each => each.points.find(point => point.x === percentile)?.text ?? '\u2013')]),
                    ['longest', ...series.map(each => each.longest === undefined ? '\u2013' : duration(each.longest))],
                ])],
            };
        },
    });
}

function shapeFigures(shape, modes) {
    const closed = shape.measurements.filter(each => each.loop === 'closed');
    const open = shape.measurements.filter(each => each.loop === 'open');
    const steady = shape.measurements.filter(each => each.loop !== 'open');
    return [
        againstConnections(shape, modes, {
            id: 'throughput', title: 'Throughput', unit: 'requests per second, at the peak (closed loop)',
            measurements: closed, valueOf: each => each.rate, format: count, axisFormat: thousands, logarithmic: false, most: true,
        }),
        againstConnections(shape, modes, {
            id: 'latency', title: 'Latency', unit: 'at the peak (closed loop)', choices: [percentileChoice],
            measurements: closed, valueOf: (each, percentile) => each.latency?.[percentile], format: duration,
            axisFormat: duration, logarithmic: true, most: false,
        }),
        percentileFigure(shape, modes),
        openLoopFigures(shape, modes, open),
        againstConnections(shape, modes, {
            id: 'cpu', title: 'CPU per request', unit: 'processor time of the server', measurements: closed,
            valueOf: each => each.cpu_us_per_request, format: duration, axisFormat: duration, most: false,
        }),
        againstConnections(shape, modes, {
            id: 'memory', title: 'Memory per connection', unit: 'of the server and its children',
            // However busy the clients were, a connection takes what it takes.
            measurements: steady.map(each => ({...each, limited_by_generator: false})),
            valueOf: each => each.memory_bytes_per_connection, format: bytes, axisFormat: bytes, numbers: binary, most: false,
        }),
    ].filter(each => each !== null);
}
