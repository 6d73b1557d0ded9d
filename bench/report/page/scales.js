// Axes. uPlot's scales stay linear: what a logarithmic axis shows is put through a logarithm first.

const linear = {of: value => value, back: place => place};

// How the lines of an axis may lie: `steps` within each power of `base`.
const decimal = {base: 10, steps: [1, 2, 5], wide: [1]};
const binary = {base: 1024, steps: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512], wide: [1, 8, 64]};

const powerBelow = ({base}, value) => base ** Math.floor(Math.log(value) / Math.log(base) + 1e-9);

// The lines in [from, to], not too many.
function logarithmicSteps(numbers, [from, to]) {
    const steps = Math.log10(to / from) > 3.5 ? numbers.wide : numbers.steps;
    const lines = [];
    for (let power = powerBelow(numbers, from); power <= to * 1.001; power *= numbers.base)
        lines.push(...steps.map(step => step * power));
    return lines.filter(line => line >= from * 0.999 && line <= to * 1.001);
}

// The lines just below and above values that are more than 0.
function logarithmicBounds(numbers, values) {
    const least = Math.min(...values);
    const greatest = Math.max(...values);
    const below = powerBelow(numbers, least);
    const above = powerBelow(numbers, greatest);
    return [
        below * (numbers.steps.findLast(step => step * below < least) ?? numbers.steps.at(-1) / numbers.base),
        above * (numbers.steps.find(step => step * above > greatest) ?? numbers.base),
    ];
}

// Lines from 0 up: `most` of them at the most.
function linearSteps(numbers, to, most) {
    const rough = to / most;
    const power = powerBelow(numbers, rough);
    const step = power * [...numbers.steps, numbers.base].find(each => each * power >= rough * 0.999);
    return Array.from({length: Math.floor(to / step + 1e-9) + 1}, (_, i) => i * step);
}

// Values that lie so many times apart are shown on a logarithmic axis.
const tooFarApart = 8;

function farApart(values) {
    const positive = values.filter(value => value > 0);
    return positive.length > 0 && Math.max(...positive) > tooFarApart * Math.min(...positive);
}

// An axis over `values`: {of, back, bounds, steps(most)}. A linear one begins at 0.
function valueAxis(values, logarithmic, numbers = decimal) {
    const positive = values.filter(value => value > 0);
    if (logarithmic && positive.length > 0) {
        const bounds = logarithmicBounds(numbers, positive);
        // Nothing lies below: there 0 stands at the lower end.
        const of = value => Math.log10(Math.max(value, bounds[0]));
        return {of, back: place => 10 ** place, bounds, steps: () => logarithmicSteps(numbers, bounds)};
    }
    const greatest = (Math.max(0, ...values) || 1) * 1.06;
    return {...linear, bounds: [0, greatest], steps: most => linearSteps(numbers, greatest, most)};
}

// Connections: a place for each count that was measured, by its logarithm.
const connectionAxis = {of: Math.log2};

// Percentiles as HdrHistogram plots them: 1/(1-p) on a logarithmic axis, so that each further nine takes the same room.
const percentileAxis = {of: percentile => -Math.log10(1 - percentile / 100)};

function percentileSteps(greatest) {
    const steps = [0, 50, 90];
    for (let nines = 2; 100 * (1 - 10 ** -nines) <= greatest + 1e-9; ++nines)
        steps.push(Number((100 * (1 - 10 ** -nines)).toFixed(nines)));
    return steps;
}
