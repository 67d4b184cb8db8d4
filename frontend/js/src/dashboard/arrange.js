/**
 * Where panels are shown, from the places where they were put: the same rule as on the server
 * (`dashboards/layout/arrange.py`), and tested on the same examples.
 *
 * @typedef {object} Place what is stored; `y` is a panel's place in the order from the top
 * @property {number} x
 * @property {number} y
 * @property {number} w
 * @property {number} h
 *
 * @typedef {{ x: number, y: number, w: number, h: number }} Cells where it is shown
 * @typedef {Record<string, Place>} Places by panel
 */

export const COLUMNS = 12;
export const HEIGHT_AT_MOST = 24;

/**
 * Let panels fall to the top, one after another, each as far as those before it let it.
 *
 * @param {Places} places
 * @param {string | null} [held] a panel that comes before others of the same `y`
 * @returns {Map<string, Cells>} in the order in which they are read
 */
export function arrange(places, held = null) {
  const free = new Array(COLUMNS).fill(0);
  /** @type {Map<string, Cells>} */
  const cells = new Map();
  for (const id of inOrder(places, held)) {
    const { w, h, x } = within(places[id]);
    const y = Math.max(...free.slice(x, x + w));
    free.fill(y + h, x, x + w);
    cells.set(id, { x, y, w, h });
  }
  return cells;
}

/**
 * @param {Places} places
 * @param {string | null} held
 */
function inOrder(places, held) {
  return Object.keys(places).sort((one, other) => {
    const [a, b] = [places[one], places[other]];
    return (
      a.y - b.y ||
      Number(one !== held) - Number(other !== held) ||
      a.x - b.x ||
      (one < other ? -1 : 1)
    );
  });
}

/** @param {Place} place */
function within({ x, w, h }) {
  const wide = clamp(w, 1, COLUMNS);
  return { w: wide, h: clamp(h, 1, HEIGHT_AT_MOST), x: clamp(x, 0, COLUMNS - wide) };
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/**
 * What to write for a panel that is let go at a column and a row.
 *
 * Only its own place changes. Every `y` that could make a difference is tried: the row that comes
 * nearest wins, then what moves the others least, then what reads in the order that is seen.
 *
 * @param {Places} places
 * @param {string} id
 * @param {Cells} wanted `y` is the row
 * @returns {Place}
 */
export function placeAt(places, id, wanted) {
  const { x, w, h } = within(wanted);
  const { [id]: own, ...others } = places;
  const before = arrange(others);
  const rising = orders(Object.values(others));
  const tries = (own ? [own.y, ...rising] : rising).map((y) => {
    const place = { x, y, w, h };
    const cells = arrange({ ...others, [id]: place });
    const row = /** @type {Cells} */ (cells.get(id)).y;
    return {
      place,
      score: [Math.abs(row - wanted.y), moved(before, cells), astray(cells, id), change(own, y)],
    };
  });
  return tries.reduce((best, each) => (compare(each.score, best.score) < 0 ? each : best)).place;
}

/**
 * The next place up or down at which a panel is shown elsewhere.
 *
 * @param {Places} places
 * @param {string} id
 * @param {-1 | 1} way
 * @returns {Place | null} null when there is none
 */
export function stepped(places, id, way) {
  const { [id]: own, ...others } = places;
  const from = /** @type {Cells} */ (arrange(places).get(id)).y;
  const rows = orders(Object.values(others))
    .map((y) => /** @type {Cells} */ (arrange({ ...others, [id]: { ...own, y } }).get(id)).y)
    .filter((row) => (row - from) * way > 0);
  if (rows.length === 0) return null;
  const row = way < 0 ? Math.max(...rows) : Math.min(...rows);
  return placeAt(places, id, { ...own, y: row });
}

/**
 * Every value of `y` that makes a difference: those of others, and one in each gap.
 *
 * @param {Place[]} others
 * @returns {number[]} rising
 */
function orders(others) {
  const known = [...new Set(others.map(({ y }) => y))].sort((one, other) => one - other);
  if (known.length === 0) return [0];
  const between = known.slice(1).map((y, index) => (y + known[index]) / 2);
  return [known[0] - 1, ...known, ...between, known[known.length - 1] + 1].sort(
    (one, other) => one - other,
  );
}

/**
 * By how many rows others are shown elsewhere.
 *
 * @param {Map<string, Cells>} before
 * @param {Map<string, Cells>} after
 */
function moved(before, after) {
  let rows = 0;
  for (const [id, { y }] of before) rows += Math.abs((after.get(id)?.y ?? y) - y);
  return rows;
}

/**
 * How many others are read before a panel and seen after it, or the other way round.
 *
 * @param {Map<string, Cells>} cells
 * @param {string} id
 */
function astray(cells, id) {
  const own = /** @type {Cells} */ (cells.get(id));
  let isBefore = true;
  let count = 0;
  for (const [other, { x, y }] of cells) {
    if (other === id) isBefore = false;
    else if (isBefore !== (y < own.y || (y === own.y && x < own.x))) count += 1;
  }
  return count;
}

/**
 * @param {Place | undefined} own
 * @param {number} y
 */
const change = (own, y) => (own ? Math.abs(own.y - y) : 0);

/**
 * @param {number[]} one
 * @param {number[]} other
 */
function compare(one, other) {
  const at = one.findIndex((value, index) => value !== other[index]);
  return at < 0 ? 0 : one[at] - other[at];
}
