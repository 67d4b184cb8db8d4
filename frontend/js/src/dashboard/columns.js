/**
 * Columns as the chart library wants them: times, then of each shown line its value, and the low and
 * the high that its points reached. Stacked lines are sums from the last to the first.
 *
 * @typedef {(number | null)[]} Column
 *
 * @typedef {object} Shown a line that is drawn
 * @property {number} index among the answer's lines
 * @property {string} name
 * @property {Column} value as it is, not stacked
 * @property {Column | null} low
 * @property {Column | null} high
 *
 * @typedef {import('./points.js').Held} Held
 */

/**
 * @param {Held} held
 * @param {Set<string>} hidden names of lines that the person switched off
 * @param {boolean} isZeroed no value counts as nothing
 * @returns {Shown[]}
 */
export function shownOf({ head, values }, hidden, isZeroed) {
  let at = 0;
  return head.lines.flatMap(({ name, band }, index) => {
    const [value, low, high] = values.slice(at, at + 3);
    at += band ? 3 : 1;
    if (hidden.has(name)) return [];
    return [
      {
        index,
        name,
        value: columnOf(value, isZeroed),
        low: band ? columnOf(low, isZeroed) : null,
        high: band ? columnOf(high, isZeroed) : null,
      },
    ];
  });
}

/**
 * @param {Float64Array} numbers
 * @param {boolean} isZeroed
 * @returns {Column}
 */
const columnOf = (numbers, isZeroed) =>
  Array.from(numbers, (value) => (Number.isNaN(value) ? (isZeroed ? 0 : null) : value));

/**
 * @param {Shown[]} lines
 * @returns {Column[]} of each line, it and all after it; where it has no value, it adds nothing
 */
export function stacked(lines) {
  /** @type {Column[]} */
  const sums = new Array(lines.length);
  /** @type {Column | null} */
  let below = null;
  for (let index = lines.length - 1; index >= 0; index -= 1) {
    const under = /** @type {Column | null} */ (below);
    below = lines[index].value.map((value, point) => {
      const sum = under?.[point] ?? null;
      return value === null && sum === null ? null : (value ?? 0) + (sum ?? 0);
    });
    sums[index] = below;
  }
  return sums;
}

/**
 * @param {Held} held
 * @returns {{ last: number | null, min: number | null, max: number | null, mean: number | null }[]}
 *   of each of the answer's lines
 */
export function figuresOf({ head, values }) {
  let at = 0;
  return head.lines.map(({ band }) => {
    const [value, low, high] = values.slice(at, at + 3);
    at += band ? 3 : 1;
    const known = value.filter((number) => !Number.isNaN(number));
    return {
      last: known.length > 0 ? known[known.length - 1] : null,
      min: extreme(band ? low : known, Math.min),
      max: extreme(band ? high : known, Math.max),
      mean: known.length > 0 ? known.reduce((sum, number) => sum + number, 0) / known.length : null,
    };
  });
}

/**
 * @param {Float64Array} numbers
 * @param {(one: number, other: number) => number} pick
 */
function extreme(numbers, pick) {
  let found = Number.NaN;
  for (const number of numbers) {
    if (!Number.isNaN(number)) found = Number.isNaN(found) ? number : pick(found, number);
  }
  return Number.isNaN(found) ? null : found;
}
