// The marks of a mode: a shape as well as a colour, hollow where the clients were at their limit.

const darkScheme = matchMedia('(prefers-color-scheme: dark)');
const colour = style => darkScheme.matches ? style.dark : style.light;
const themeColour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Corners on a circle of radius 1, clockwise from angle `first` (degrees, 0 is to the right).
function polygon(corners, first, radius = 1) {
    return Array.from({length: corners}, (_, i) => {
        const angle = (first + 360 * i / corners) * Math.PI / 180;
        return [radius * Math.cos(angle), radius * Math.sin(angle)];
    });
}
const strokes = [[[-1, -1], [1, 1]], [[-1, 1], [1, -1]]];
const markers = {
    square: {corners: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]]},
    diamond: {corners: polygon(4, 0, 1.25)},
    triangle: {corners: polygon(3, -90, 1.25)},
    'triangle-down': {corners: polygon(3, 90, 1.25)},
    pentagon: {corners: polygon(5, -90, 1.1)},
    'bow-tie': {corners: [[-1.1, -0.9], [1.1, 0.9], [1.1, -0.9], [-1.1, 0.9]]},
    cross: {strokes},
    plus: {strokes: [[[-1.2, 0], [1.2, 0]], [[0, -1.2], [0, 1.2]]]},
    bar: {strokes: [[[0, -1.3], [0, 1.3]]]},
};

// `radius` in pixels of the canvas.
function drawMarker(context, marker, x, y, radius, stroke, fill) {
    context.save();
    context.setLineDash([]);
    context.lineWidth = radius * 0.5;
    context.strokeStyle = stroke;
    context.fillStyle = fill;
    context.beginPath();
    const shape = markers[marker];
    if (!shape) {
        context.arc(x, y, radius, 0, 2 * Math.PI);
    } else if (shape.corners) {
        shape.corners.forEach(([dx, dy], i) => context[i ? 'lineTo' : 'moveTo'](x + radius * dx, y + radius * dy));
        context.closePath();
    } else {
        // It has nothing to fill: a ring makes it hollow.
        if (fill !== stroke)
            context.arc(x, y, radius * 1.7, 0, 2 * Math.PI);
        context.lineWidth = radius * (fill === stroke ? 0.7 : 0.45);
        for (const [from, to] of shape.strokes) {
            context.moveTo(x + radius * from[0], y + radius * from[1]);
            context.lineTo(x + radius * to[0], y + radius * to[1]);
        }
    }
    if (!shape || shape.corners)
        context.fill();
    context.stroke();
    context.restore();
}

// From the least to the greatest of the runs, along y or (`across`) along x.
function drawWhisker(context, at, from, to, across, stroke, ratio) {
    const cap = 3.5 * ratio;
    const line = (a, b, c, d) => {
        context.moveTo(...(across ? [b, a] : [a, b]));
        context.lineTo(...(across ? [d, c] : [c, d]));
    };
    context.save();
    context.setLineDash([]);
    context.lineWidth = 1.5 * ratio;
    context.strokeStyle = stroke;
    context.beginPath();
    line(at, from, at, to);
    line(at - cap, from, at + cap, from);
    line(at - cap, to, at + cap, to);
    context.stroke();
    context.restore();
}

// A line and a marker, as they look in the plots, for the legend.
function drawSwatch(canvas, style) {
    const ratio = devicePixelRatio || 1;
    canvas.width = 34 * ratio;
    canvas.height = 14 * ratio;
    const context = canvas.getContext('2d');
    const y = canvas.height / 2;
    context.lineWidth = 2 * ratio;
    context.strokeStyle = colour(style);
    context.setLineDash(style.dash.map(length => length * ratio * 0.8));
    context.beginPath();
    context.moveTo(0, y);
    context.lineTo(canvas.width, y);
    context.stroke();
    drawMarker(context, style.marker, canvas.width / 2, y, 4 * ratio, colour(style), colour(style));
}
