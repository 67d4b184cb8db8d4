/** What stands beside the cursor of a chart: the time, and the value of each line, highest first. */
import { colourOf } from './colours.js';
import { shownOf, valueAt } from './columns.js';
import { unitOf } from './plot.js';
import { shown } from './units.js';
import { moment } from './zones.js';

const MOST_LINES = 12;
const GAP = 14;

export class Tip {
  element = document.createElement('div');

  constructor() {
    this.element.className = 'tip';
    this.element.hidden = true;
    // Keys and screen readers have the values from the chart itself.
    this.element.setAttribute('aria-hidden', 'true');
  }

  /**
   * @param {number | null} index
   * @param {import('./plot.js').Drawing} [drawing]
   * @param {import('uplot')} [plot]
   */
  show(index, drawing, plot) {
    const at = index === null ? undefined : drawing?.held.at[index];
    this.element.hidden = at === undefined;
    if (index === null || at === undefined || !drawing || !plot) return;
    const unit = unitOf(drawing);
    const rows = shownOf(drawing.held, drawing.hidden, drawing.options.nulls === 'zero')
      .map((line) => ({ ...line, now: valueAt(line.value, index) }))
      .filter(({ now }) => now !== null)
      .sort((one, other) => Number(other.now) - Number(one.now));
    const time = document.createElement('p');
    time.className = 'tip__time';
    time.textContent = moment(at, drawing.zone);
    const word = (/** @type {number} */ value) => shown(value, unit, drawing.options.decimals);
    this.element.replaceChildren(
      time,
      ...rows.slice(0, MOST_LINES).map((row) => rowOf(row, index, word)),
      ...(rows.length > MOST_LINES ? [more(rows.length - MOST_LINES)] : []),
    );
    this.place(plot);
  }

  /** @param {import('uplot')} plot beside the cursor, on the side where there is room */
  place({ cursor, over }) {
    const { element } = this;
    const chart = /** @type {HTMLElement} */ (element.parentElement);
    const box = over.getBoundingClientRect();
    const whole = chart.getBoundingClientRect();
    const x = box.left - whole.left + (cursor.left ?? 0);
    const isLeft = x + GAP + element.offsetWidth > whole.width;
    const left = isLeft ? Math.max(x - GAP - element.offsetWidth, 0) : x + GAP;
    const y = box.top - whole.top + (cursor.top ?? 0) - element.offsetHeight / 2;
    const lowest = whole.height - element.offsetHeight;
    const top = Math.max(Math.min(y, lowest), Math.min(lowest, 0));
    element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }
}

/**
 * @param {import('./columns.js').Shown & { now: number | null }} row
 * @param {number} index
 * @param {(value: number) => string} word
 */
function rowOf({ index: line, name, now, low, high }, index, word) {
  const row = document.createElement('p');
  row.className = 'tip__row';
  row.style.setProperty('--line-colour', colourOf(line));
  const [label, value] = ['tip__name', 'tip__value'].map((kind) => {
    const made = document.createElement('span');
    made.className = kind;
    return made;
  });
  label.textContent = name;
  const [least, most] = [low, high].map((edge) => edge && valueAt(edge, index));
  const isSpread = least != null && most != null && word(least) !== word(most);
  value.textContent = word(/** @type {number} */ (now));
  const spread = document.createElement('span');
  spread.className = 'tip__spread';
  if (isSpread) spread.textContent = `${word(least)} – ${word(most)}`;
  row.append(label, value, spread);
  return row;
}

/** @param {number} count */
function more(count) {
  const row = document.createElement('p');
  row.className = 'tip__more';
  row.textContent = interpolate(ngettext('%s more', '%s more', count), [count]);
  return row;
}
