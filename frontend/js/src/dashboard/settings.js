/** What is the whole dashboard's: its variables, and the range that it shows at first. */
import * as Y from 'yjs';
import { fieldsIn, fill, rowsFor, valueIn, watchFields } from './fields.js';
import { renameVariable, words, write } from './layout.js';
import { labelsOf, metricsLike } from './metrics.js';

/** @typedef {import('./layout.js').Shared} Shared */

const VARIABLES_AT_MOST = 12;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,39}$/;

export class SettingsSheet {
  /**
   * @param {import('./editing.js').Editing} editing
   * @param {AbortSignal} signal
   */
  constructor(editing, signal) {
    this.editing = editing;
    this.element = /** @type {HTMLElement} */ (editing.board.querySelector('#settings-sheet'));
    this.element.addEventListener('submit', this.onSubmit, { signal });
    this.element.addEventListener('click', this.onClick, { signal });
    this.element.addEventListener('focusin', () => editing.undo.stopCapturing(), { signal });
    watchFields(this.range, (field) => write(editing.settings, { range: valueIn(field) }));
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** @param {string} selector */
  part(selector) {
    return /** @type {HTMLElement} */ (this.element.querySelector(selector));
  }

  get range() {
    return this.part('.settings__range');
  }

  open() {
    this.element.hidden = false;
    this.editing.board.toggleAttribute('data-sheet', true);
    this.update();
    this.range.querySelector('select')?.focus();
  }

  close() {
    if (!this.isOpen) return;
    this.element.hidden = true;
    this.editing.board.removeAttribute('data-sheet');
  }

  update() {
    if (!this.isOpen) return;
    const { settings, variables } = this.editing;
    for (const field of fieldsIn(this.range)) fill(field, words(settings.get('range')) || '1h');
    const known = [...variables.entries()]
      .filter(([name, map]) => NAME.test(name) && map instanceof Y.Map)
      .sort(([one, a], [other, b]) => orderOf(a) - orderOf(b) || (one < other ? -1 : 1));
    const rows = rowsFor(
      this.part('.settings__list'),
      'variable-row',
      known.map(([name]) => name),
      (row, name) => this.bind(row, name),
    );
    for (const [at, row] of rows.entries()) fillVariable(row, ...known[at]);
    this.part('.settings__new').hidden = known.length >= VARIABLES_AT_MOST;
  }

  /**
   * @param {HTMLElement} row
   * @param {string} name
   */
  bind(row, name) {
    row.dataset.row = name;
    nameIn(row).addEventListener('change', () => this.rename(row));
    const map = () => this.editing.variables.get(row.dataset.row ?? '');
    const [metric, label] = /** @type {import('./suggest.js').CollabSuggest[]} */ ([
      ...row.querySelectorAll('collab-suggest'),
    ]);
    metric.source = metricsLike;
    label.source = () => labelsOf(words(map()?.get('metric')));
    watchFields(row, (field) => {
      const found = map();
      if (found) write(found, { [field.dataset.key ?? '']: valueIn(field) });
    });
  }

  /**
   * @param {string} name
   * @returns {string} why no variable can be called so, or empty
   */
  problemOf(name) {
    if (!NAME.test(name)) {
      return gettext('A name has letters, digits and underscores, and begins with no digit.');
    }
    return this.editing.variables.has(name) ? gettext('There is a variable of this name.') : '';
  }

  /** @param {HTMLElement} row of a variable whose name the person changed */
  rename(row) {
    const { editing } = this;
    const { row: name = '' } = row.dataset;
    const field = nameIn(row);
    const other = nameFrom(field);
    const problem = /** @type {HTMLElement} */ (row.querySelector('.problem'));
    problem.textContent = other === name ? '' : this.problemOf(other);
    field.setAttribute('aria-invalid', String(problem.textContent !== ''));
    if (problem.textContent) return;
    field.value = other;
    if (other === name) return;
    // The row stays: the person may be in it.
    row.dataset.row = other;
    editing.asStep(() => renameVariable(editing, name, other));
    const { view } = editing.board;
    const { [name]: chosen, ...others } = view?.selection.variables ?? {};
    if (chosen) view?.select({ variables: { ...others, [other]: chosen } });
  }

  /** @param {SubmitEvent} event */
  onSubmit = (event) => {
    event.preventDefault();
    const field = /** @type {HTMLInputElement} */ (this.part('[name="variable"]'));
    const name = nameFrom(field);
    const { variables } = this.editing;
    const problem = this.part('.settings__problem');
    problem.textContent = this.problemOf(name);
    if (problem.textContent === '') {
      const order = Math.max(0, ...[...variables.values()].map(orderOf)) + 1;
      this.editing.asStep(() =>
        variables.set(name, new Y.Map(Object.entries({ kind: 'label', label: name, order }))),
      );
      field.value = '';
      this.update();
      this.part('.settings__list').lastElementChild?.querySelector('select')?.focus();
    }
  };

  /** @param {MouseEvent} event */
  onClick = ({ target }) => {
    const button = target instanceof Element ? target.closest('[data-remove-variable]') : null;
    const row = /** @type {HTMLElement | null} */ (button?.closest('[data-row]') ?? null);
    const { editing } = this;
    if (!row) return;
    const name = row.dataset.row ?? '';
    editing.asStep(() => editing.variables.delete(name));
    editing.toast?.offerUndo(
      interpolate(gettext('Removed “%(title)s”.'), { title: `$${name}` }, true),
    );
  };
}

/** @param {Shared} map */
function orderOf(map) {
  const order = map instanceof Y.Map ? map.get('order') : 0;
  return typeof order === 'number' ? order : 0;
}

/** @param {HTMLElement} row */
const nameIn = (row) => /** @type {HTMLInputElement} */ (row.querySelector('.variable-row__name'));

/** @param {HTMLInputElement} field */
const nameFrom = ({ value }) => value.trim().replace(/^\$/, '');

/**
 * @param {HTMLElement} row
 * @param {string} name
 * @param {Shared} map
 */
function fillVariable(row, name, map) {
  const field = nameIn(row);
  if (field !== document.activeElement && field.getAttribute('aria-invalid') !== 'true') {
    field.value = name;
  }
  const kind = words(map.get('kind')) || 'label';
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (row.querySelectorAll('[data-for]'))) {
    part.hidden = !part.dataset.for?.split(' ').includes(kind);
  }
  for (const field of fieldsIn(row)) {
    const { key = '' } = field.dataset;
    fill(field, key === 'kind' ? kind : map.get(key));
  }
}
