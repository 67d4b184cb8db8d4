/** The legend below a chart: what each line is, its value at the cursor, and whether it is shown. */
import { colourOf } from './colours.js';
import { shownOf, valueAt } from './columns.js';
import { unitOf } from './plot.js';
import { shown } from './units.js';

/**
 * @typedef {import('./plot.js').Drawing} Drawing
 * @typedef {ReturnType<typeof import('./columns.js').figuresOf>} Figures
 */

const NONE = new Set();

export class Legend {
  element = document.createElement('div');
  /** @type {Set<string>} */
  hidden = new Set();
  names = '';
  /** @type {Figures} */
  figures = [];

  /** @param {(hidden: Set<string>) => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    this.element.className = 'legend';
    this.element.addEventListener('click', this.onClick);
  }

  /**
   * @param {Drawing} drawing
   * @param {Figures} figures
   */
  show({ held, options }, figures) {
    this.figures = figures;
    this.element.hidden = options.legend === 'none';
    const names = JSON.stringify([held.head.lines.map(({ name }) => name), options.legend]);
    if (names !== this.names) {
      this.names = names;
      const rows = held.head.lines.map(({ name }) => rowOf(name));
      this.element.replaceChildren(...(options.legend === 'table' ? [headings()] : []), ...rows);
      this.element.classList.toggle('legend--table', options.legend === 'table');
    }
    this.buttons.forEach((button, index) => {
      const name = held.head.lines[index].name;
      button.style.setProperty('--line-colour', colourOf(index));
      button.setAttribute('aria-pressed', String(!this.hidden.has(name)));
    });
  }

  get buttons() {
    return [.../** @type {NodeListOf<HTMLElement>} */ (this.element.querySelectorAll('button'))];
  }

  /**
   * Show values at a point, or the last ones.
   *
   * @param {Drawing} drawing
   * @param {number | null} index
   */
  point(drawing, index) {
    const { held, options } = drawing;
    if (options.legend === 'none') return;
    const unit = unitOf(drawing);
    const word = (/** @type {number | null | undefined} */ value) =>
      value === null || value === undefined || Number.isNaN(value)
        ? '–'
        : shown(value, unit, options.decimals);
    const lines = index === null ? [] : shownOf(held, NONE, options.nulls === 'zero');
    this.buttons.forEach((button, line) => {
      const figures = this.figures[line];
      const now = index === null ? figures?.last : lines[line] && valueAt(lines[line].value, index);
      const words =
        options.legend === 'table'
          ? [figures?.min, figures?.mean, figures?.max, now].map(word)
          : [word(now)];
      button.querySelectorAll('.legend__value').forEach((cell, at) => {
        if (cell.textContent !== words[at]) cell.textContent = words[at] ?? '';
      });
    });
  }

  /** @param {MouseEvent} event a press hides or shows a line; with Shift or Control, all others */
  onClick = (event) => {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    const name = button?.dataset.name;
    if (name === undefined) return;
    const others = this.buttons.map(({ dataset }) => dataset.name ?? '').filter((n) => n !== name);
    if (event.shiftKey || event.ctrlKey || event.metaKey) {
      const isAlone = others.every((other) => this.hidden.has(other)) && !this.hidden.has(name);
      this.hidden = new Set(isAlone ? [] : others);
    } else {
      this.hidden = new Set(this.hidden);
      if (!this.hidden.delete(name)) this.hidden.add(name);
    }
    this.onChange(this.hidden);
  };
}

/** @param {string} name */
function rowOf(name) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'legend__line';
  button.dataset.name = name;
  button.title = name;
  const swatch = document.createElement('span');
  swatch.className = 'legend__swatch';
  const label = document.createElement('span');
  label.className = 'legend__name';
  label.textContent = name;
  button.append(swatch, label, ...['', '', '', ''].map(() => cell('legend__value')));
  return button;
}

function headings() {
  const row = document.createElement('div');
  row.className = 'legend__head';
  row.setAttribute('aria-hidden', 'true');
  const words = ['', '', gettext('min'), gettext('mean'), gettext('max'), gettext('last')];
  row.append(
    ...words.map((word) => {
      const made = cell('legend__heading');
      made.textContent = word;
      return made;
    }),
  );
  return row;
}

/** @param {string} name */
function cell(name) {
  const made = document.createElement('span');
  made.className = name;
  return made;
}
