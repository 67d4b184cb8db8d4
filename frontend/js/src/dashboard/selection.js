/**
 * What of a dashboard is looked at: a span of time, a time zone, values of variables. It is in the
 * page's address, so that a link shows the same.
 *
 * @typedef {object} Selection
 * @property {string} from `now-6h`, ISO 8601, or Unix ms
 * @property {string} to `now`, or as `from`
 * @property {string} tz an IANA name
 * @property {Record<string, string[]>} variables those that were chosen, by name
 *
 * @typedef {object} Look how it is looked at
 * @property {boolean} kiosk
 * @property {string | null} panel the only one that is shown
 * @property {boolean} edit
 */

const VARIABLE = 'var-';

export const DAY_MS = 86_400_000;
const UNITS_MS = /** @type {Record<string, number>} */ ({
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
  w: 7 * DAY_MS,
  M: 30 * DAY_MS,
  y: 365 * DAY_MS,
});

/**
 * @param {string} search of an address
 * @param {Selection} otherwise where the address says nothing
 * @returns {Selection}
 */
export function selectionIn(search, otherwise) {
  const asked = new URLSearchParams(search);
  /** @type {Record<string, string[]>} */
  const variables = {};
  for (const key of new Set(asked.keys())) {
    if (!key.startsWith(VARIABLE)) continue;
    const values = asked.getAll(key).filter((value) => value !== '');
    if (values.length > 0) variables[key.slice(VARIABLE.length)] = values;
  }
  const from = asked.get('from');
  return {
    from: from || otherwise.from,
    to: asked.get('to') || (from ? 'now' : otherwise.to),
    tz: asked.get('tz') || otherwise.tz,
    variables,
  };
}

/**
 * @param {string} search
 * @returns {Look}
 */
export function lookIn(search) {
  const asked = new URLSearchParams(search);
  return {
    kiosk: asked.get('kiosk') === '1',
    panel: asked.get('panel'),
    edit: asked.get('edit') === '1',
  };
}

/**
 * @param {Selection} selection
 * @param {Selection} [otherwise] what need not be said
 */
export function paramsOf({ from, to, tz, variables }, otherwise) {
  const params = new URLSearchParams();
  if (from !== otherwise?.from || to !== otherwise?.to) {
    params.set('from', from);
    params.set('to', to);
  }
  if (tz !== otherwise?.tz) params.set('tz', tz);
  for (const [name, values] of Object.entries(variables)) {
    for (const value of values) params.append(`${VARIABLE}${name}`, value);
  }
  return params;
}

/**
 * @param {Selection} selection
 * @param {Look} look
 * @param {Selection} otherwise what need not be said
 * @returns {string} for an address, with its question mark, or empty
 */
export function searchOf(selection, { kiosk, panel, edit }, otherwise) {
  const params = paramsOf(selection, otherwise);
  if (kiosk) params.set('kiosk', '1');
  if (panel) params.set('panel', panel);
  if (edit) params.set('edit', '1');
  const words = params.toString();
  return words && `?${words}`;
}

/** @param {Selection} selection does it go on as time does? */
export const isLive = ({ to }) => to.startsWith('now') && !to.includes('-');

/**
 * @param {Selection} selection
 * @returns {number | null} how long it is, where it is a time before now
 */
export function lengthOf({ from, to }) {
  const found = /^now-(\d+)([smhdwMy])$/.exec(from);
  return found && to === 'now' ? Number(found[1]) * UNITS_MS[found[2]] : null;
}

/**
 * @param {Selection} selection
 * @returns {[number, number] | null} from when to when, where both are fixed
 */
export function spanOf({ from, to }) {
  const [start, end] = [timeOf(from), timeOf(to)];
  return start !== null && end !== null && start < end ? [start, end] : null;
}

/**
 * @param {string} word
 * @returns {number | null} Unix ms, where it is a fixed time
 */
export function timeOf(word) {
  if (/^-?\d+$/.test(word)) return Number(word);
  // Without an offset a time is of the dashboard's zone: the server knows which.
  if (!/^\d{4}-.*(Z|[+-]\d\d:?\d\d)$/.test(word)) return null;
  const at = Date.parse(word);
  return Number.isNaN(at) ? null : at;
}

/**
 * @param {Selection} selection
 * @param {number} from Unix ms
 * @param {number} to Unix ms
 * @returns {Selection} of the same variables and zone
 */
export const zoomed = (selection, from, to) => ({
  ...selection,
  from: String(Math.round(from)),
  to: String(Math.round(to)),
});
