// Elements of the page. Text becomes text: names come from a command line, and are never read as HTML.

function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes))
        element.setAttribute(key, value);
    element.append(...children.filter(child => child !== null && child !== undefined));
    return element;
}

// A table of texts: each row is [heading, cell, ...].
function table(caption, columns, rows) {
    return make('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption},
        make('table', {},
            make('caption', {}, caption),
            make('thead', {}, make('tr', {}, ...columns.map(column => make('th', {scope: 'col'}, column)))),
            make('tbody', {}, ...rows.map(([heading, ...cells]) => make('tr', {},
                make('th', {scope: 'row'}, heading),
                ...cells.map(cell => make('td', {}, cell)))))));
}

function choice(name, options, chosen, changed) {
    const select = make('select', {}, ...options.map(({value, text}) => make('option', {value}, text)));
    select.value = chosen;
    select.addEventListener('change', () => changed(select.value));
    return make('label', {}, `${name} `, select);
}

// All figures, to be drawn anew when a mode is hidden or shown.
const figures = [];

// A heading, choices if there are any, a plot, notes, and its numbers. `show(chosen)` gives
// {unit, plot(wrapper), text, notes, tables}; `choices` are {key, name, options, chosen}.
function figure({id, title, choices = [], show}) {
    const chosen = Object.fromEntries(choices.map(({key, chosen: value}) => [key, value]));
    const wrapper = make('div', {class: 'plot', 'data-plot': id, role: 'img'});
    const unit = make('p', {class: 'unit'});
    const notes = make('div', {class: 'notes'});
    const numbers = make('details', {}, make('summary', {}, 'Numbers'));
    let remove = null;
    const draw = () => {
        remove?.();
        const content = show(chosen);
        unit.textContent = content.unit;
        wrapper.setAttribute('aria-label', content.text);
        notes.replaceChildren(...content.notes.map(note => make('p', {}, note)));
        numbers.replaceChildren(numbers.firstElementChild, ...content.tables);
        remove = content.plot(wrapper);
    };
    const controls = choices.filter(({options}) => options.length > 1).map(({key, name, options, chosen: value}) =>
        choice(name, options, value, now => {
            chosen[key] = now;
            draw();
        }));
    figures.push(draw);
    return make('figure', {class: 'panel'},
        make('div', {class: 'figure-head'},
            make('h3', {}, title),
            unit),
        controls.length ? make('div', {class: 'choices'}, ...controls) : null,
        wrapper, notes, numbers);
}
