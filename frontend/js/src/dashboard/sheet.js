/** The editor of a panel: each field writes its own value of the panel's map, as it is changed. */
import { fieldsIn, fill, rowsFor, valueIn, watchFields } from './fields.js';
import { kindOf, textOf, thresholdsOf, write } from './layout.js';
import { QueryFields } from './query-fields.js';

/** @typedef {import('./layout.js').Shared} Shared */

const DEFAULTS = /** @type {Record<string, unknown>} */ ({
  legend: 'list',
  nulls: 'gap',
  style: 'line',
  limit: 10,
});

export class PanelSheet {
  /** @type {string | null} */
  id = null;
  /** @type {Element | null} */
  from = null;

  /**
   * @param {import('./editing.js').Editing} editing
   * @param {AbortSignal} signal
   */
  constructor(editing, signal) {
    this.editing = editing;
    this.element = /** @type {HTMLElement} */ (editing.board.querySelector('#panel-sheet'));
    this.form = /** @type {HTMLFormElement} */ (this.element.querySelector('form'));
    const queries = /** @type {HTMLElement} */ (this.element.querySelector('.queries'));
    this.queries = new QueryFields(
      queries,
      () => this.map,
      () => [...editing.variables.keys()],
    );
    this.form.addEventListener('submit', (event) => event.preventDefault(), { signal });
    this.element.addEventListener('click', this.onClick, { signal });
    this.element.addEventListener('focusin', () => editing.undo.stopCapturing(), { signal });
    watchFields(this.form, (field) => this.write(field));
  }

  /** @returns {Shared | undefined} */
  get map() {
    return this.id ? this.editing.panels.get(this.id) : undefined;
  }

  get text() {
    return /** @type {import('./markdown.js').CollabMarkdown} */ (
      this.element.querySelector('collab-markdown')
    );
  }

  /** @param {string} id */
  open(id) {
    if (this.id !== id) this.close();
    this.id = id;
    this.from = document.activeElement;
    this.element.hidden = false;
    this.editing.board.toggleAttribute('data-sheet', true);
    this.mark();
    this.update();
    this.element.scrollTop = 0;
    /** @type {HTMLElement | null} */ (this.element.querySelector('[data-key="title"]'))?.focus();
    this.editing.grid.panel(id)?.scrollIntoView({ block: 'nearest' });
  }

  close() {
    if (!this.id) return;
    const panel = this.editing.grid.panel(this.id);
    const isInside = this.element.contains(document.activeElement);
    this.id = null;
    this.text.unbind();
    this.element.hidden = true;
    this.editing.board.removeAttribute('data-sheet');
    this.mark();
    if (isInside) /** @type {HTMLElement | null} */ (panel?.querySelector('.panel__grip'))?.focus();
  }

  /** Show in the grid which panel it is about. */
  mark() {
    for (const panel of this.editing.board.querySelectorAll('.panel')) {
      const isIt = this.id !== null && panel.id === `panel-${this.id}`;
      panel.classList.toggle('panel--edited', isIt);
    }
  }

  /** Show what the room has, after any change of it. */
  update() {
    if (!this.id) return;
    const { map } = this;
    if (!map) {
      this.editing.announceLoud(gettext('Somebody removed the panel that you were editing.'));
      return this.editing.closeSheet();
    }
    this.mark();
    const kind = kindOf(map);
    this.form.dataset.kind = kind;
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (
      this.form.querySelectorAll('[data-for]')
    )) {
      part.hidden = !part.dataset.for?.split(' ').includes(kind);
    }
    for (const field of this.own) {
      const { key = '' } = field.dataset;
      fill(field, key === 'kind' ? kind : (map.get(key) ?? DEFAULTS[key]));
    }
    this.fillThresholds(thresholdsOf(map.get('thresholds')));
    if (kind === 'text') this.text.bind(textOf(map), this.editing.undo);
    else {
      this.text.unbind();
      this.queries.update();
    }
  }

  /** Fields of the panel itself. */
  get own() {
    return fieldsIn(this.form).filter((field) => !field.closest('.queries, .thresholds'));
  }

  /** @param {import('./fields.js').Field} field */
  write(field) {
    const { map } = this;
    if (!map || field.closest('.queries')) return;
    if (field.closest('.thresholds')) write(map, { thresholds: this.thresholds });
    else write(map, { [field.dataset.key ?? '']: valueIn(field) });
  }

  get thresholdRows() {
    return /** @type {HTMLElement} */ (this.form.querySelector('.thresholds__list'));
  }

  /** @returns {[number, string][]} as they are in the form; those without a number stay there only */
  get thresholds() {
    return [...this.thresholdRows.children].flatMap((row) => {
      const [from, level] = fieldsIn(/** @type {HTMLElement} */ (row)).map(valueIn);
      return typeof from === 'number' ? [/** @type {[number, string]} */ ([from, level])] : [];
    });
  }

  /** @param {[number, string][]} thresholds */
  fillThresholds(thresholds) {
    // Who is writing in one sees them in order when they leave it.
    if (this.thresholdRows.contains(document.activeElement)) {
      if (JSON.stringify(thresholds) === JSON.stringify(thresholdsOf(this.thresholds))) return;
    }
    const keys = thresholds.map((_, at) => String(at));
    const rows = rowsFor(this.thresholdRows, 'threshold-row', keys, () => {});
    rows.forEach((row, at) => {
      const [from, level] = fieldsIn(row);
      fill(from, thresholds[at][0]);
      fill(level, thresholds[at][1]);
    });
  }

  /** @param {MouseEvent} event */
  onClick = ({ target }) => {
    const button = target instanceof Element ? target.closest('button') : null;
    const { map } = this;
    if (!button || !map) return;
    const known = thresholdsOf(map.get('thresholds'));
    if (button.matches('[data-add-threshold]')) {
      const last = known[known.length - 1];
      const next = last ? [last[0] + 10, last[1] === 'warn' ? 'bad' : last[1]] : [80, 'warn'];
      write(map, { thresholds: [...known, next] });
      this.update();
      this.thresholdRows.lastElementChild?.querySelector('input')?.focus();
    } else if (button.matches('[data-remove-threshold]')) {
      const at = [...this.thresholdRows.children].indexOf(
        /** @type {HTMLElement} */ (button.closest('[data-row]')),
      );
      write(map, { thresholds: known.filter((_, each) => each !== at) });
      this.update();
    }
  };
}
