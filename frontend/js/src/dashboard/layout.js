/**
 * The layout in the room: one map per panel, of which an edit writes only the keys that the person
 * changed. Whatever a program may have written there reads as `dashboards/layout/read.py` says.
 */
import * as Y from 'yjs';
import { COLUMNS, clamp, HEIGHT_AT_MOST } from './arrange.js';

/**
 * @typedef {import('./arrange.js').Place} Place
 * @typedef {import('./options.js').Options} Options
 * @typedef {Y.Map<any>} Shared
 */

/** The origin of the transactions that the editor makes. */
export const EDIT = Symbol('edit');

/** Of a panel, that are added; of two who add one at once, both stay. */
export const QUERIES_AT_MOST = 6;
export const PANELS_AT_MOST = 60;

/** Width and height of a panel that nobody has resized yet. */
export const SIZES = /** @type {Record<string, [number, number]>} */ ({
  stat: [3, 2],
  timeseries: [6, 4],
  gauge: [3, 3],
  bars: [4, 4],
  table: [6, 4],
  status: [4, 3],
  text: [4, 3],
});

const LEVELS = ['good', 'warn', 'bad'];
const DEFAULTS = /** @type {const} */ ({ legend: 'list', nulls: 'gap', style: 'line' });
const ID_LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const PANEL_ID = /^[a-z0-9]{10}$/;
const QUERY_KEY = /^[a-z][a-z0-9]{0,9}$/;

/** @param {Y.Doc} doc */
export const rootsOf = (doc) => ({
  panels: /** @type {Y.Map<Shared>} */ (doc.getMap('panels')),
  variables: /** @type {Y.Map<Shared>} */ (doc.getMap('variables')),
  settings: /** @type {Shared} */ (doc.getMap('settings')),
});

/**
 * @param {Y.Map<Shared>} panels
 * @returns {[string, Shared][]}
 */
export const panelsIn = (panels) =>
  [...panels.entries()].filter(([id, map]) => PANEL_ID.test(id) && map instanceof Y.Map);

/**
 * @param {unknown} value
 * @returns {number | null}
 */
const number = (value) => (typeof value === 'number' && Number.isFinite(value) ? value : null);

/**
 * @param {unknown} value
 * @param {number} low
 * @param {number} high
 * @param {number} otherwise
 */
function whole(value, low, high, otherwise) {
  const found = number(value);
  return found === null ? otherwise : Math.trunc(clamp(found, low, high));
}

/** @param {unknown} value */
export const words = (value) => (typeof value === 'string' ? value : '');

/**
 * @param {unknown} value
 * @returns {string[]}
 */
export const listed = (value) =>
  Array.isArray(value)
    ? [...new Set(value.filter((each) => typeof each === 'string' && each))]
    : [];

/** @param {Shared} map of a panel */
export const kindOf = (map) =>
  words(map.get('kind')) in SIZES ? words(map.get('kind')) : 'timeseries';

/**
 * @param {Shared} map
 * @returns {Place}
 */
export function placeOf(map) {
  const [width, height] = SIZES[kindOf(map)];
  const w = whole(map.get('w'), 1, COLUMNS, width);
  return {
    x: whole(map.get('x'), 0, COLUMNS - w, 0),
    y: number(map.get('y')) ?? 0,
    w,
    h: whole(map.get('h'), 1, HEIGHT_AT_MOST, height),
  };
}

/**
 * @param {Shared} map
 * @returns {Options}
 */
export function optionsIn(map) {
  return {
    kind: kindOf(map),
    title: words(map.get('title')),
    unit: words(map.get('unit')),
    decimals: map.has('decimals') ? number(map.get('decimals')) : null,
    min: number(map.get('min')),
    max: number(map.get('max')),
    thresholds: thresholdsOf(map.get('thresholds')),
    legend: words(map.get('legend')) || DEFAULTS.legend,
    nulls: words(map.get('nulls')) || DEFAULTS.nulls,
    style: words(map.get('style')) || DEFAULTS.style,
    stacked: map.get('stacked') === true,
  };
}

/**
 * @param {unknown} value
 * @returns {[number, string][]}
 */
export function thresholdsOf(value) {
  if (!Array.isArray(value)) return [];
  return value
    .filter((each) => Array.isArray(each) && number(each[0]) !== null && LEVELS.includes(each[1]))
    .map(([from, level]) => /** @type {[number, string]} */ ([from, level]))
    .sort(([one], [other]) => one - other);
}

/**
 * @param {unknown} value
 * @returns {[string, string, string][]}
 */
export const matchersOf = (value) =>
  Array.isArray(value)
    ? value.filter(
        (each) =>
          Array.isArray(each) &&
          each.length === 3 &&
          each.every((word) => typeof word === 'string'),
      )
    : [];

/**
 * @param {Y.Map<Shared>} panels
 * @returns {Record<string, Place>}
 */
export const placesIn = (panels) =>
  Object.fromEntries(panelsIn(panels).map(([id, map]) => [id, placeOf(map)]));

/**
 * Write keys of a map, those that differ, as one step of the editor's.
 *
 * @param {Shared} map
 * @param {Record<string, unknown>} values
 */
export function write(map, values) {
  const changed = Object.entries(values).filter(
    ([key, value]) => JSON.stringify(map.get(key)) !== JSON.stringify(value),
  );
  if (changed.length === 0) return;
  map.doc?.transact(() => {
    for (const [key, value] of changed) map.set(key, value);
  }, EDIT);
}

/** As `dashboards/variables.py` has it: `$name`, `${name}`, and `$$` for a dollar sign. */
const REFERENCE = /\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/g;

/**
 * Give a variable another name, also wherever panels refer to it, as one step of the editor's.
 *
 * @param {{ panels: Y.Map<Shared>, variables: Y.Map<Shared> }} roots
 * @param {string} name
 * @param {string} other
 */
export function renameVariable({ panels, variables }, name, other) {
  const map = variables.get(name);
  if (!map || variables.has(other)) return;
  const said = (/** @type {string} */ text) =>
    text.replace(REFERENCE, (whole, plain, braced) =>
      (plain ?? braced) === name ? whole.replace(name, other) : whole,
    );
  map.doc?.transact(() => {
    variables.set(other, new Y.Map(Object.entries(map.toJSON())));
    variables.delete(name);
    for (const [, panel] of panelsIn(panels)) {
      const title = words(panel.get('title'));
      if (title) write(panel, { title: said(title) });
      for (const query of queriesIn(panel)) {
        const fields = Object.entries(query.toJSON());
        write(query, Object.fromEntries(fields.map(([key, value]) => [key, inEach(value, said)])));
      }
    }
  }, EDIT);
}

/**
 * @param {unknown} value of JSON
 * @param {(text: string) => string} change
 * @returns {unknown} the same, with each text in it changed
 */
function inEach(value, change) {
  if (typeof value === 'string') return change(value);
  return Array.isArray(value) ? value.map((each) => inEach(each, change)) : value;
}

/** @returns {string} a new panel's */
export function newId() {
  const numbers = crypto.getRandomValues(new Uint8Array(10));
  return [...numbers].map((value) => ID_LETTERS[value % ID_LETTERS.length]).join('');
}

/**
 * @param {Y.Map<Shared>} queries
 * @returns {string[]} the keys of a panel's queries, in their order
 */
export const queryKeysIn = (queries) =>
  [...queries.keys()]
    .filter((key) => QUERY_KEY.test(key) && queries.get(key) instanceof Y.Map)
    .sort();

/**
 * @param {string[]} keys of the queries that a panel has, in order
 * @returns {string} that of one more: the next letter, and chance, since somebody else may add one
 */
export function newQueryKey(keys) {
  const last = keys.at(-1);
  const letter = last ? Math.min(last.charCodeAt(0) + 1, 'z'.charCodeAt(0)) : 'a'.charCodeAt(0);
  return String.fromCharCode(letter) + newId().slice(0, 5);
}

/**
 * @param {string[]} keys of queries, in order
 * @returns {Map<string, string>} what people call each: its letter, with a number if it is not the first
 */
export function queryNames(keys) {
  const seen = /** @type {Record<string, number>} */ ({});
  return new Map(
    keys.map((key) => {
      const letter = key[0].toUpperCase();
      seen[letter] = (seen[letter] ?? 0) + 1;
      return [key, seen[letter] > 1 ? `${letter}${seen[letter]}` : letter];
    }),
  );
}

/**
 * A panel's map; its queries and text are made with it, so that two who fill them at once fill the
 * same ones.
 *
 * @param {Record<string, unknown>} values
 * @param {Record<string, Record<string, unknown>>} [queries]
 * @param {string} [text]
 * @returns {Shared}
 */
export function panelWith(values, queries = {}, text = '') {
  const panel = new Y.Map(Object.entries(values));
  const own = new Y.Map();
  for (const [key, query] of Object.entries(queries))
    own.set(key, new Y.Map(Object.entries(query)));
  panel.set('queries', own);
  panel.set('text', new Y.Text(text));
  return panel;
}

/**
 * @param {Shared} panel
 * @returns {Shared} a panel's queries
 */
export function queriesOf(panel) {
  const found = panel.get('queries');
  if (found instanceof Y.Map) return found;
  const made = new Y.Map();
  panel.doc?.transact(() => panel.set('queries', made), EDIT);
  return made;
}

/**
 * @param {Shared} panel
 * @returns {Shared[]}
 */
function queriesIn(panel) {
  const queries = panel.get('queries');
  if (!(queries instanceof Y.Map)) return [];
  return [...queries.values()].filter((query) => query instanceof Y.Map);
}

/**
 * @param {Shared} panel
 * @returns {Y.Text}
 */
export function textOf(panel) {
  const found = panel.get('text');
  if (found instanceof Y.Text) return found;
  const made = new Y.Text(words(found));
  panel.doc?.transact(() => panel.set('text', made), EDIT);
  return made;
}

/**
 * @param {Shared} panel
 * @returns {Shared} the same, to be put elsewhere
 */
export function copyOf(panel) {
  const { queries = {}, text = '', ...values } = panel.toJSON();
  return panelWith(values, queries, words(text));
}
