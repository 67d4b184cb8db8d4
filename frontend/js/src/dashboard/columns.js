/**
 * Columns as the chart library wants them: times, then of each shown line its value, and the low and
 * the high that its points reached. Stacked lines are sums from the last to the first.
 *
 * Points may be closer to each other than numbers come in. So a line goes on over as many points as
 * usual, and some more; those are undefined, which the library skips, where null is a gap.
 *
 * @typedef {(number | null | undefined)[]} Column
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

/** A line breaks where nothing came for so many times the usual distance between its numbers. */
const BREAK = 3.5;

/**
 * @param {Held} held
 * @param {Set<string>} hidden names of lines that the person switched off
 * @param {boolean} isZeroed no value counts as nothing
 * @returns {Shown[]}
 */
export function shownOf({ at, head, values }, hidden, isZeroed) {
  let column = 0;
  return head.lines.flatMap(({ name, band }, index) => {
    const [value, low, high] = values.slice(column, column + 3);
    column += band ? 3 : 1;
    if (hidden.has(name)) return [];
    const bridged = bridgesOf(at, value, head.step);
    const shown = (/** @type {Float64Array} */ numbers) => columnOf(numbers, bridged, isZeroed);
    return [
      {
        index,
        name,
        value: shown(value),
        low: band ? shown(low) : null,
        high: band ? shown(high) : null,
      },
    ];
  });
}

/**
 * @param {Float64Array} numbers
 * @param {Uint8Array} bridged
 * @param {boolean} isZeroed
 * @returns {Column}
 */
const columnOf = (numbers, bridged, isZeroed) =>
  Array.from(numbers, (value, index) => {
    if (!Number.isNaN(value)) return value;
    return bridged[index] ? undefined : isZeroed ? 0 : null;
  });

/**
 * @param {Float64Array} at
 * @param {Float64Array} numbers
 * @param {number} step
 * @returns {Uint8Array} 1 for points without a value over which the line goes on
 */
function bridgesOf(at, numbers, step) {
  const bridged = new Uint8Array(numbers.length);
  /** @type {number[]} */
  const known = [];
  for (let index = 0; index < numbers.length; index += 1) {
    if (!Number.isNaN(numbers[index])) known.push(index);
  }
  if (known.length === numbers.length || known.length < 2) return bridged;
  const apart = known.slice(1).map((index, before) => at[index] - at[known[before]]);
  const rising = [...apart].sort((one, other) => one - other);
  const usual = rising[Math.floor(0.9 * (apart.length - 1))];
  const most = BREAK * Math.max(usual, step);
  known.slice(1).forEach((index, before) => {
    if (apart[before] <= most) bridged.fill(1, known[before] + 1, index);
  });
  // The next number is not late yet.
  const last = known[known.length - 1];
  for (let index = last + 1; index < at.length && at[index] - at[last] <= most; index += 1) {
    bridged[index] = 1;
  }
  return bridged;
}

/**
 * @param {Column} column
 * @param {number} index
 * @returns {number | null} the value of a point, or the last one before it that still goes for it
 */
export function valueAt(column, index) {
  let at = index;
  while (at > 0 && column[at] === undefined) at -= 1;
  return column[at] ?? null;
}

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
    const column = lines[index].value;
    below = column.map((_, point) => {
      const value = valueAt(column, point);
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
