// The page.

function legend(modes) {
    const swatches = [];
    const buttons = modes.map(mode => {
        const swatch = make('canvas', {'aria-hidden': 'true'});
        swatches.push(() => drawSwatch(swatch, mode.style));
        const button = make('button', {type: 'button', 'aria-pressed': 'true'}, swatch, mode.name);
        button.addEventListener('click', () => {
            mode.shown = !mode.shown;
            button.setAttribute('aria-pressed', String(mode.shown));
            for (const draw of figures)
                draw();
        });
        return button;
    });
    const draw = () => swatches.forEach(each => each());
    draw();
    darkScheme.addEventListener('change', () => {
        draw();
        redrawAll();
    });
    return make('div', {class: 'legend', role: 'group', 'aria-label': 'Modes shown in the plots'}, ...buttons);
}

const list = (kind, texts) => texts.length === 0 ? null : make('ul', {class: kind}, ...texts.map(each => make('li', {}, each)));

const pairs = entries => make('dl', {}, ...entries.filter(([, text]) => text).flatMap(
    ([name, text]) => [make('dt', {}, name), make('dd', {}, text)]));

// As a shell would take it.
const quoted = word => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll('\'', '\'\\\'\'')}'`;

function errorTexts(measurements, shapes) {
    const nameOfShape = each => shapes.find(shape => shape.measurements.includes(each)).name;
    return measurements.filter(each => each.errors > 0).map(each =>
        [each.mode, nameOfShape(each), count(each.connections), loadName(each), count(each.requests), count(each.errors)]);
}

function warningSection(results) {
    const texts = [
        ...(results.complete ? [] : ['The measurement was interrupted: this is what had been measured by then.']),
        ...results.warnings,
    ];
    return texts.length === 0 ? null : make('section', {class: 'warning', 'aria-labelledby': 'warnings'},
        make('h2', {id: 'warnings'}, 'What makes figures doubtful'), list('', texts));
}

function adviceSection(results) {
    const [first, ...others] = results.advice;
    return make('section', {class: 'advice', 'aria-labelledby': 'advice'},
        make('h2', {id: 'advice'}, 'Advice'),
        make('p', {class: 'lead'}, first ?? 'These figures bear no advice.'),
        list('', others));
}

function howSection({machine, build, settings, command, created}) {
    const libraries = Object.entries(build.libraries).map(([name, version]) => `${name} ${version}`);
    const processors = numbers => numbers.length === 0 ? '' : `${numbers.length === 1 ? 'processor' : 'processors'} ${numbers.join(', ')}`;
    return make('section', {'aria-labelledby': 'how'},
        make('h2', {id: 'how'}, 'How this was measured'),
        make('div', {class: 'panel'}, pairs([
            ['Command', make('code', {}, command.map(quoted).join(' '))],
            ['Processor', `${machine.processor}, ${machine.processors} usable`],
            ['Memory', bytes(machine.memory_bytes)],
            ['System', machine.system],
            ['Kernel', machine.kernel],
            ['Compiler', `${build.compiler}${build.optimised ? '' : ', without optimisation'}`],
            ['Versions', [`socketserver ${build.socketserver}`, ...libraries].join(', ')],
            ['Servers on', processors(settings.server_processors)],
            ['Clients on', processors(settings.client_processors)],
            ['Each run', `${digits(settings.seconds, 4)} s, ${settings.repetitions === 1 ? 'once' : `${settings.repetitions} times`}`],
            ['Request', `${count(settings.request_bytes)} bytes`],
            ['Ended', created],
        ])));
}

function leftOutSection({left_out: leftOut}) {
    const nameOfShape = shape => shape === null ? 'all' : Object.hasOwn(shapeNames, shape) ? shapeNames[shape] : shape;
    return leftOut.length === 0 ? null : make('section', {'aria-labelledby': 'left-out'},
        make('h2', {id: 'left-out'}, 'Not measured'),
        table('What was not measured, and why', ['mode', 'requests', 'connections', 'reason'], leftOut.map(each => [
            each.mode, nameOfShape(each.shape), each.connections === null ? 'all' : count(each.connections), each.reason])));
}

function errorSection(measurements, shapes) {
    const rows = errorTexts(measurements, shapes);
    return rows.length === 0 ? null : make('section', {'aria-labelledby': 'errors'},
        make('h2', {id: 'errors'}, 'Errors'),
        table('Requests without a right reply', ['mode', 'requests', 'connections', 'load', 'answered', 'errors'], rows));
}

function shapeSection(shape, modes) {
    const parts = shapeFigures(shape, modes);
    return make('section', {id: shape.key, 'aria-labelledby': `${shape.key}-title`},
        make('h2', {id: `${shape.key}-title`}, shape.name),
        make('p', {class: 'shape'}, shape.text),
        parts.length ? make('div', {class: 'figures'}, ...parts) : make('p', {}, 'There are no figures.'));
}

function build(results) {
    const {measurements, machine} = results;
    const modes = readModes(measurements);
    const shapes = readShapes(measurements);
    const title = `Which mode for ${results.handler}?`;
    document.title = `${title} \u2013 socketserver-bench`;
    document.getElementById('title').textContent = title;
    document.getElementById('subtitle').textContent =
        `Measured by socketserver-bench on ${machine.processor}, ${machine.system}, ${results.created.slice(0, 10)}.`;
    const errors = errorSection(measurements, shapes);
    const leftOut = leftOutSection(results);
    const link = (id, text) => make('a', {href: `#${id}`}, text);
    const main = document.getElementById('main');
    main.append(...[
        adviceSection(results),
        warningSection(results),
        make('nav', {'aria-label': 'Sections'}, ...shapes.map(shape => link(shape.key, shape.name)),
            errors && link('errors', 'Errors'), leftOut && link('left-out', 'Not measured'), link('how', 'How this was measured')),
        legend(modes),
        ...shapes.map(shape => shapeSection(shape, modes)),
        errors,
        leftOut,
        howSection(results),
    ].filter(each => each !== null));
    // Now that the figures have their width.
    for (const draw of figures)
        draw();
}

build(JSON.parse(document.getElementById('results').textContent));
document.documentElement.dataset.ready = 'true';
