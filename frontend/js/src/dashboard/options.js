/**
 * How a panel shows its numbers: written by the server into the panel's `data-*` attributes, and by
 * the editor, so that charts read them from one place.
 *
 * @typedef {[number, string][]} Thresholds (from, level), rising; levels are good, warn, bad
 *
 * @typedef {object} Options
 * @property {string} kind
 * @property {string} title
 * @property {string} unit empty: that of the answer
 * @property {number | null} decimals
 * @property {number | null} min
 * @property {number | null} max
 * @property {Thresholds} thresholds
 * @property {string} legend
 * @property {string} nulls
 * @property {string} style
 * @property {boolean} stacked
 */

/** @param {string | undefined} text */
const numberIn = (text) => (text === undefined || text === '' ? null : Number(text));

/**
 * @param {HTMLElement} panel
 * @returns {Options}
 */
export function optionsOf(panel) {
  const { dataset } = panel;
  return {
    kind: dataset.kind ?? 'timeseries',
    title: panel.querySelector('.panel__title')?.textContent?.trim() ?? '',
    unit: dataset.unit ?? '',
    decimals: numberIn(dataset.decimals),
    min: numberIn(dataset.min),
    max: numberIn(dataset.max),
    thresholds: thresholdsIn(dataset.thresholds ?? ''),
    legend: dataset.legend ?? 'list',
    nulls: dataset.nulls ?? 'gap',
    style: dataset.style ?? 'line',
    stacked: dataset.stacked === 'true',
  };
}

/**
 * @param {string} words as `80:warn 95:bad`
 * @returns {Thresholds}
 */
function thresholdsIn(words) {
  return words
    .split(' ')
    .filter(Boolean)
    .map((word) => {
      const [from, level] = word.split(':');
      return [Number(from), level];
    });
}

/**
 * Write what `optionsOf` reads.
 *
 * @param {HTMLElement} panel
 * @param {Options} options
 */
export function putOptions({ dataset }, options) {
  /** @type {Record<string, string>} */
  const words = {
    kind: options.kind,
    unit: options.unit,
    decimals: String(options.decimals ?? ''),
    min: String(options.min ?? ''),
    max: String(options.max ?? ''),
    thresholds: options.thresholds.map((each) => each.join(':')).join(' '),
    legend: options.legend,
    nulls: options.nulls,
    style: options.style,
    stacked: String(options.stacked),
  };
  for (const [name, word] of Object.entries(words)) {
    if (dataset[name] !== word) dataset[name] = word;
  }
}
