/** Where new panels go. */
import { arrange, COLUMNS, placeAt } from './arrange.js';

/**
 * A place for a new panel: beside or below another, or in the first gap from below.
 *
 * @param {import('./arrange.js').Places} places
 * @param {number} w
 * @param {number} h
 * @param {string | null} [beside] the panel that it is a copy of
 * @returns {import('./arrange.js').Place}
 */
export function spotFor(places, w, h, beside = null) {
  const cells = arrange(places);
  const own = beside ? cells.get(beside) : undefined;
  if (own) {
    const fits = own.x + own.w + w <= COLUMNS;
    const wanted = fits
      ? { x: own.x + own.w, y: own.y, w, h }
      : { x: own.x, y: own.y + own.h, w, h };
    return placeAt(places, '', wanted);
  }
  const last = Math.max(0, ...Object.values(places).map(({ y }) => y)) + 1;
  const columns = Array.from({ length: COLUMNS - w + 1 }, (_, x) => ({ x, y: last, w, h }));
  const rowOf = (/** @type {import('./arrange.js').Place} */ place) =>
    arrange({ ...places, '': place }).get('')?.y ?? 0;
  return columns.reduce((best, each) => (rowOf(each) < rowOf(best) ? each : best));
}
