// What results.json holds, put in the order in which the page shows it.

const shapeNames = {
    keepalive: 'Keep-alive',
    pipelined: 'Pipelined',
    connect: 'A connection per request',
    udp: 'UDP',
    idle: 'Idle connections',
};
const shapeTexts = {
    keepalive: 'Connections stay; on each, one request at a time.',
    pipelined: 'Connections stay; on each, several requests are sent together.',
    connect: 'A new connection for each request.',
    udp: 'A datagram for each request.',
    idle: 'Connections are served once, then wait.',
};

// Each mode looks the same in every report. Colours: after Okabe and Ito, moved to bear on white and on near black, those
// that some readers take for one apart in lightness. What colours cannot tell apart, dashes and markers do.
const modeStyles = {
    selecting: {light: '#0072b2', dark: '#56b4e9', dash: [], marker: 'circle'},
    preforking: {light: '#0b9b74', dark: '#4fdcb2', dash: [14, 3, 3, 3], marker: 'diamond'},
    threading: {light: '#b54000', dark: '#f0652f', dash: [10, 4], marker: 'square'},
    'thread-pool': {light: '#bd8600', dark: '#ffd75e', dash: [4, 3], marker: 'triangle'},
    forking: {light: '#8a2c68', dark: '#d670ae', dash: [7, 3, 2, 3, 2, 3], marker: 'triangle-down'},
    blocking: {light: '#3b3f45', dark: '#dfe3e8', dash: [2, 3], marker: 'cross'},
};
const outsideStyles = [
    {light: '#7a4b2a', dark: '#cda06f', dash: [16, 4, 6, 4], marker: 'plus'},
    {light: '#5b46c0', dark: '#a79bff', dash: [5, 5], marker: 'bar'},
    {light: '#5d7300', dark: '#b9d04e', dash: [12, 6], marker: 'bow-tie'},
    {light: '#b00020', dark: '#ff7d8a', dash: [3, 6], marker: 'pentagon'},
];

// As many differ as there are colours times markers.
function outsideStyle(i) {
    const many = outsideStyles.length;
    return {...outsideStyles[i % many], marker: outsideStyles[(i + Math.floor(i / many)) % many].marker};
}

const distinct = values => [...new Set(values)];

function readModes(measurements) {
    const names = distinct(measurements.map(each => each.mode));
    const own = Object.keys(modeStyles).filter(name => names.includes(name));
    const others = names.filter(name => !own.includes(name));
    return [
        ...own.map(name => ({name, style: modeStyles[name], shown: true})),
        ...others.map((name, i) => ({name, style: outsideStyle(i), shown: true})),
    ];
}

// The sections of the page: one for each shape of request, pipelines of different depth apart.
function readShapes(measurements) {
    const shapes = new Map();
    for (const each of measurements) {
        const key = each.depth > 1 ? `${each.shape}-${each.depth}` : each.shape;
        if (!shapes.has(key))
            shapes.set(key, {
                key,
                name: (Object.hasOwn(shapeNames, each.shape) ? shapeNames[each.shape] : each.shape) +
                    (each.depth > 1 ? `, ${each.depth} at a time` : ''),
                text: Object.hasOwn(shapeTexts, each.shape) ? shapeTexts[each.shape] : '',
                measurements: [],
            });
        shapes.get(key).measurements.push(each);
    }
    return [...shapes.values()];
}

const percentiles = [
    {key: 'p50_us', name: '50 % (median)'},
    {key: 'p90_us', name: '90 %'},
    {key: 'p99_us', name: '99 %'},
    {key: 'p99_9_us', name: '99.9 %'},
    {key: 'max_us', name: 'longest'},
];

const connectionsText = number => number === 1 ? '1 connection' : `${count(number)} connections`;

// How hard a measurement pushed, in words.
function loadName(measurement) {
    if (measurement.loop === 'closed')
        return 'closed loop: the peak';
    if (measurement.loop === 'open')
        return measurement.load === null ? `open loop: ${count(measurement.target_rate)} requests/s`
                                         : `open loop: ${percent(measurement.load)} of each mode\u2019s peak`;
    return 'no load';
}
