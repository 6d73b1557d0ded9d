// Numbers as people read them. Units stand with each number, since a column may span some decades.

const digits = (number, most) => number.toLocaleString('en', {maximumSignificantDigits: most, useGrouping: number >= 1e4});

function scaled(number, step, units, most = 3) {
    let unit = 0;
    while (unit + 1 < units.length && Math.abs(number) >= step) {
        number /= step;
        ++unit;
    }
    return digits(number, most) + units[unit];
}

const count = number => Math.round(number).toLocaleString('en');
const duration = microseconds => scaled(microseconds, 1000, [' µs', ' ms', ' s']);
const bytes = number => scaled(number, 1024, [' B', ' KiB', ' MiB', ' GiB']);
const thousands = number => scaled(number, 1000, ['', 'k', 'M', 'G']);
const percent = share => digits(100 * share, 2) + '\u00a0%';
const percentileName = percentile => digits(percentile, 12) + '\u00a0%';

// A figure of results.json with its spread: one run shows none.
function withSpread(figure, format) {
    if (!figure)
        return '–';
    if (figure.runs.length < 2)
        return format(figure.median);
    return `${format(figure.median)} (${format(figure.least)} – ${format(figure.greatest)})`;
}
