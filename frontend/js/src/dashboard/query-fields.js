/** The queries of a panel in its editor: metric, labels, what is computed, and how lines are named. */
import * as Y from 'yjs';
import { fieldsIn, fill, rowsFor, valueIn, watchFields } from './fields.js';
import {
  EDIT,
  matchersOf,
  newQueryKey,
  QUERIES_AT_MOST,
  queriesOf,
  queryKeysIn,
  queryNames,
  words,
  write,
} from './layout.js';
import { labelsOf, metricsLike, valuesOf } from './metrics.js';

/**
 * @typedef {import('./layout.js').Shared} Shared
 * @typedef {import('./suggest.js').CollabSuggest} CollabSuggest
 */

export class QueryFields {
  /**
   * @param {HTMLElement} box
   * @param {() => Shared | undefined} panel the one that is edited
   * @param {() => string[]} variables names that can be put in
   */
  constructor(box, panel, variables) {
    this.box = box;
    this.panel = panel;
    this.variables = variables;
    box.addEventListener('click', this.onClick);
    watchFields(this.formula, () => this.writeFormula());
  }

  get list() {
    return /** @type {HTMLElement} */ (this.box.querySelector('.queries__list'));
  }

  get formula() {
    return /** @type {HTMLElement} */ (this.box.querySelector('.queries__formula'));
  }

  /** @returns {Y.Map<Shared> | undefined} */
  get queries() {
    const panel = this.panel();
    return panel && /** @type {Y.Map<Shared>} */ (queriesOf(panel));
  }

  /** Show what the room has. */
  update() {
    const { queries } = this;
    if (!queries) return;
    const keys = queryKeysIn(queries);
    const names = queryNames(keys);
    const rows = rowsFor(this.list, 'query-row', keys, (row, key) => this.bind(row, key));
    for (const row of rows) {
      const name = row.querySelector('.query__name');
      if (name) name.textContent = names.get(row.dataset.row ?? '') ?? '';
      this.fill(row, /** @type {Shared} */ (queries.get(row.dataset.row ?? '')));
    }
    this.box
      .querySelector('[data-add-query]')
      ?.toggleAttribute('hidden', keys.length >= QUERIES_AT_MOST);
    this.fillFormula(names);
  }

  /**
   * @param {HTMLElement} row
   * @param {string} key
   */
  bind(row, key) {
    const map = () => this.queries?.get(key);
    const metric = () => words(map()?.get('metric'));
    for (const suggest of /** @type {NodeListOf<CollabSuggest>} */ (
      row.querySelectorAll('collab-suggest')
    )) {
      suggest.source = suggest.matches('[data-of="metric"]')
        ? metricsLike
        : () => labelsOf(metric());
    }
    watchFields(row, (field) => this.write(row, key, field));
  }

  /**
   * @param {HTMLElement} row
   * @param {string} key
   * @param {import('./fields.js').Field} field
   */
  write(row, key, field) {
    const map = this.queries?.get(key);
    if (!map) return;
    const { key: name = '' } = field.dataset;
    if (name.startsWith('match-')) write(map, { matchers: matchersIn(row) });
    else if (name === 'grouping' || name === 'labels') write(map, { by: groupingIn(row) });
    else write(map, { [name]: valueIn(field) });
  }

  /**
   * @param {HTMLElement} row
   * @param {Shared} map
   */
  fill(row, map) {
    const by = map.get('by');
    const isBy = Array.isArray(by);
    const isNamed = isBy && by.length > 0;
    /** @type {Record<string, unknown>} */
    const shown = {
      grouping: isBy ? (isNamed || row.hasAttribute('data-is-naming') ? 'by' : 'all') : 'each',
      labels: isBy ? by : [],
      function: words(map.get('function')) || 'avg',
      across: words(map.get('across')),
    };
    for (const field of fieldsIn(row)) {
      const { key = '' } = field.dataset;
      if (!key.startsWith('match-')) fill(field, key in shown ? shown[key] : map.get(key));
    }
    row.querySelector('.query__labels')?.toggleAttribute('hidden', shown.grouping !== 'by');
    row.querySelector('.query__across')?.toggleAttribute('hidden', shown.grouping === 'each');
    this.fillMatchers(row, matchersOf(map.get('matchers')), words(map.get('metric')));
  }

  /**
   * @param {HTMLElement} row
   * @param {[string, string, string][]} matchers
   * @param {string} metric
   */
  fillMatchers(row, matchers, metric) {
    const box = /** @type {HTMLElement} */ (row.querySelector('.query__matchers'));
    const keys = matchers.map((_, at) => String(at));
    const rows = rowsFor(box, 'matcher-row', keys, (made) => this.bindMatcher(made, row));
    rows.forEach((each, at) => {
      each.dataset.metric = metric;
      const [label, operator, value] = matchers[at];
      const shown = /** @type {Record<string, string>} */ ({
        'match-label': label,
        'match-operator': operator,
        'match-value': value,
      });
      for (const field of fieldsIn(each)) fill(field, shown[field.dataset.key ?? '']);
    });
  }

  /**
   * @param {HTMLElement} made
   * @param {HTMLElement} row of the query
   */
  bindMatcher(made, row) {
    const metric = () => {
      const field = /** @type {HTMLInputElement | null} */ (
        row.querySelector('[data-key="metric"]')
      );
      return field?.value ?? '';
    };
    const [label, value] = /** @type {CollabSuggest[]} */ ([
      ...made.querySelectorAll('collab-suggest'),
    ]);
    label.source = () => labelsOf(metric());
    value.source = async () => {
      const variables = this.variables().map((name) => ({
        value: `$${name}`,
        detail: gettext('variable'),
      }));
      const field = /** @type {HTMLInputElement} */ (label.querySelector('input'));
      return [...variables, ...(await valuesOf(field.value, metric()))];
    };
  }

  /** @param {Map<string, string>} names by key */
  fillFormula(names) {
    const keys = [...names.keys()];
    const formula = this.panel()?.get('formula');
    this.formula.hidden = keys.length < 2;
    for (const field of fieldsIn(this.formula)) {
      if (field instanceof HTMLSelectElement && field.dataset.key !== 'op') offer(field, names);
      fill(
        field,
        formula?.[field.dataset.key ?? ''] ??
          (field.dataset.key === 'op' ? '' : keys[field.dataset.key === 'left' ? 0 : 1]),
      );
    }
  }

  writeFormula() {
    const panel = this.panel();
    const { op, left, right } = Object.fromEntries(
      fieldsIn(this.formula).map((field) => [field.dataset.key ?? '', field.value]),
    );
    if (panel) write(panel, { formula: op ? { op, left, right } : null });
  }

  /** @param {MouseEvent} event */
  onClick = ({ target }) => {
    const button = target instanceof Element ? target.closest('button') : null;
    const { queries } = this;
    if (!button || !queries) return;
    const row = /** @type {HTMLElement | null} */ (button.closest('.query'));
    const map = row ? queries.get(row.dataset.row ?? '') : undefined;
    if (button.matches('[data-add-query]')) this.add(queries);
    else if (!row || !map) return;
    else if (button.matches('[data-remove-query]')) {
      queries.doc?.transact(() => queries.delete(row.dataset.row ?? ''), EDIT);
    } else if (button.matches('[data-add-matcher]')) {
      write(map, { matchers: [...matchersOf(map.get('matchers')), ['', '=', '']] });
      /** @type {HTMLElement | null} */ (row.querySelector('.matcher:last-child input'))?.focus();
    } else if (button.matches('[data-remove-matcher]')) {
      const at = Number(/** @type {HTMLElement} */ (button.closest('.matcher')).dataset.row);
      write(map, { matchers: matchersOf(map.get('matchers')).filter((_, each) => each !== at) });
    }
  };

  /** @param {Y.Map<Shared>} queries */
  add(queries) {
    const keys = queryKeysIn(queries);
    if (keys.length >= QUERIES_AT_MOST) return;
    const key = newQueryKey(keys);
    queries.doc?.transact(() => queries.set(key, new Y.Map()), EDIT);
    this.update();
    const row = /** @type {HTMLElement | null} */ (this.list.lastElementChild);
    row?.querySelector('input')?.focus();
  }
}

/**
 * @param {HTMLElement} row
 * @returns {[string, string, string][]}
 */
function matchersIn(row) {
  return [...row.querySelectorAll('.matcher')].map((each) => {
    const [label, operator, value] = fieldsIn(/** @type {HTMLElement} */ (each));
    return [label.value.trim(), operator.value, value.value];
  });
}

/**
 * @param {HTMLElement} row
 * @returns {string[] | null} labels that remain; null for each series on its own
 */
function groupingIn(row) {
  const [grouping, labels] = ['grouping', 'labels'].map(
    (key) => /** @type {import('./fields.js').Field} */ (row.querySelector(`[data-key="${key}"]`)),
  );
  row.toggleAttribute('data-is-naming', grouping.value === 'by');
  if (grouping.value === 'each') return null;
  return grouping.value === 'by' ? /** @type {string[]} */ (valueIn(labels)) : [];
}

/**
 * @param {HTMLSelectElement} field
 * @param {Map<string, string>} names by key
 */
function offer(field, names) {
  const known = [...field.options].map((option) => [option.value, option.text]);
  if (known.join() === [...names].join()) return;
  const { value } = field;
  field.replaceChildren(...[...names].map(([key, name]) => new Option(name, key)));
  if (names.has(value)) field.value = value;
}
