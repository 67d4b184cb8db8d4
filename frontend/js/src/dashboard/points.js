/** What a chart draws, as it came in: a whole answer, and ends that replace its end. */

/**
 * @typedef {object} Held
 * @property {number} base of which answer this is
 * @property {import('./frames.js').Head} head
 * @property {Float64Array} at
 * @property {Float64Array[]} values
 */

/**
 * @param {Held | undefined} held
 * @param {import('./frames.js').Full | import('./frames.js').Delta} entry
 * @returns {Held | null} null: an end of an answer that is not held, which has to be asked for anew
 */
export function taken(held, entry) {
  if (entry.type === 'full') {
    const { base, head, columns } = entry;
    return { base, head, ...columns };
  }
  if (held?.base !== entry.base) return null;
  const end = entry.columns(held.head.lines);
  const { dropBefore } = entry;
  const span = held.head.to - held.head.from;
  const first = firstAt(held.at, dropBefore);
  const kept = Math.max(firstAt(held.at, entry.from), first);
  return {
    ...held,
    head: { ...held.head, from: dropBefore, to: dropBefore + span },
    at: joined(held.at.subarray(first, kept), end.at),
    values: held.values.map((column, index) =>
      joined(column.subarray(first, kept), end.values[index]),
    ),
  };
}

/**
 * What a page tells the server that it has.
 *
 * @param {Iterable<[string, Held]>} all by panel
 * @returns {Record<string, [number, number]>} base, and the time of the last point
 */
export function summary(all) {
  return Object.fromEntries(
    [...all].flatMap(([panel, { base, at }]) =>
      at.length > 0 ? [[panel, [base, at[at.length - 1]]]] : [],
    ),
  );
}

/**
 * @param {Float64Array} at rising
 * @param {number} time
 * @returns {number} the index of the first that is not before a time
 */
export function firstAt(at, time) {
  let [low, high] = [0, at.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * @param {Float64Array} one
 * @param {Float64Array} other
 */
function joined(one, other) {
  const both = new Float64Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
