/** What metrics, labels and values there are, for who fills in a query. */

/**
 * @typedef {object} Metric
 * @property {string} name
 * @property {string} kind
 * @property {string} unit
 * @property {number} series
 * @property {string[]} labels
 *
 * @typedef {{ value: string, detail?: string }} Choice
 */

/** @type {Map<string, Promise<any>>} answers, for as long as somebody goes on typing */
const known = new Map();
const KEPT_MS = 15_000;

/**
 * @param {string} path
 * @param {Record<string, string>} params
 * @returns {Promise<any>}
 */
function get(path, params) {
  const address = `${path}?${new URLSearchParams(params)}`;
  let answer = known.get(address);
  if (!answer) {
    answer = ask(address);
    known.set(address, answer);
    setTimeout(() => known.delete(address), KEPT_MS);
  }
  return answer;
}

/** @param {string} address */
async function ask(address) {
  const answer = await fetch(address, { headers: { Accept: 'application/json' } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

/**
 * @param {string} search
 * @returns {Promise<Choice[]>}
 */
export async function metricsLike(search) {
  const { metrics } = await get('/api/metrics', { search, limit: '50' });
  return metrics.map((/** @type {Metric} */ { name, kind, unit, series }) => ({
    value: name,
    detail: [kind, unit, interpolate(ngettext('%s series', '%s series', series), [series])]
      .filter(Boolean)
      .join(' · '),
  }));
}

/**
 * @param {string} name
 * @returns {Promise<Metric | null>}
 */
export async function metricNamed(name) {
  if (!name) return null;
  const { metrics } = await get('/api/metrics', { search: name, limit: '50' });
  return metrics.find((/** @type {Metric} */ each) => each.name === name) ?? null;
}

/**
 * @param {string} metric
 * @returns {Promise<Choice[]>}
 */
export async function labelsOf(metric) {
  const found = await metricNamed(metric);
  return (found?.labels ?? []).map((value) => ({ value }));
}

/**
 * @param {string} label
 * @param {string} metric
 * @returns {Promise<Choice[]>}
 */
export async function valuesOf(label, metric) {
  if (!label) return [];
  const path = `/api/labels/${encodeURIComponent(label)}/values`;
  const { values } = await get(path, { metric, limit: '200' });
  return values.map((/** @type {string} */ value) => ({ value }));
}
