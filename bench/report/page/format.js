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

// From the least to the greatest of the runs of a figure.
const spreadOf = (figure, format) => `(${format(figure.least)} \u2013 ${format(figure.greatest)})`;

// A figure of results.json with its spread: one run shows none.
const withSpread = (figure, format) =>
    format(figure.median) + (figure.runs.length > 1 ? ` ${spreadOf(figure, format)}` : '');
