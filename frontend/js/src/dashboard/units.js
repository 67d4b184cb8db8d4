/**
 * Numbers as people read them, as the server writes them (`dashboards/series/units.py`): `1.2 k`,
 * `3.4 MiB`, `250 ms`, `97.1 %`.
 *
 * @typedef {{ least: number, by: number, suffix: string }} Scale from `least` on a number is divided
 *   by `by` and written with a suffix
 */

export const NO_VALUE = '–';

/** From here on `toFixed` writes exponents. */
const HUGE = 1e21;

/**
 * @param {[number, string][]} given
 * @returns {Scale[]}
 */
const scales = (...given) => given.map(([by, suffix]) => ({ least: by, by, suffix }));

const SI = [
  ...scales([1e18, ' E'], [1e15, ' P'], [1e12, ' T'], [1e9, ' G'], [1e6, ' M'], [1e3, ' k']),
  { least: 1e-3, by: 1, suffix: '' },
  { least: 1e-6, by: 1e-6, suffix: ' µ' },
  { least: 0, by: 1e-9, suffix: ' n' },
];
const BYTES = [
  ...[6, 5, 4, 3, 2, 1].flatMap((n) => scales([1024 ** n, ` ${'KMGTPE'[n - 1]}iB`])),
  { least: 0, by: 1, suffix: ' B' },
];
const SECONDS = [
  ...scales([86400, ' d'], [3600, ' h'], [60, ' min'], [1, ' s'], [1e-3, ' ms'], [1e-6, ' µs']),
  { least: 0, by: 1e-9, suffix: ' ns' },
];
const AS_IS = [{ least: 0, by: 1, suffix: '' }];

/**
 * @param {number | null | undefined} value null and NaN are no value
 * @param {string} [unit]
 * @param {number | null} [decimals] after the point; null: three significant ones at most
 * @returns {string}
 */
export function shown(value, unit = '', decimals = null) {
  if (value === null || value === undefined || Number.isNaN(value)) return NO_VALUE;
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '-∞';
  switch (unit) {
    case 'bytes':
      return scaled(value, BYTES, decimals);
    case 'bytes/s':
      return `${scaled(value, BYTES, decimals)}/s`;
    case 's':
      return scaled(value, SECONDS, decimals);
    case 'ms':
      return scaled(value / 1000, SECONDS, decimals);
    case 'percent':
      return `${scaled(value, AS_IS, decimals)} %`;
    case 'ratio':
      return `${scaled(value * 100, AS_IS, decimals)} %`;
    case 'none':
      return scaled(value, AS_IS, decimals);
    case '':
      return scaled(value, SI, decimals);
    case '/s':
      return `${scaled(value, SI, decimals)}/s`;
    default:
      return `${scaled(value, SI, decimals)} ${unit}`;
  }
}

/**
 * @param {number} value
 * @param {Scale[]} known largest first
 * @param {number | null} decimals
 */
function scaled(value, known, decimals) {
  const size = Math.abs(value);
  let place = known.findIndex(({ least }) => size >= least);
  if (size === 0) {
    // Nought has the unit that one has.
    const one = known.findIndex(({ by }) => by === 1);
    place = one < 0 ? place : one;
  }
  let text = written(value / known[place].by, decimals);
  if (place > 0 && Math.abs(Number(text)) * known[place].by >= known[place - 1].least) {
    // 999.9 is 1 k, not 1000.
    place -= 1;
    text = written(value / known[place].by, decimals);
  }
  return text + known[place].suffix;
}

/**
 * @param {number} number
 * @param {number | null} decimals
 */
function written(number, decimals) {
  if (Math.abs(number) >= HUGE) return number.toExponential(2);
  let text = number.toFixed(decimals ?? digitsOf(Math.abs(number)));
  if (decimals === null && text.includes('.')) text = text.replace(/\.?0+$/, '');
  return Number(text) === 0 ? text.replace('-', '') : text;
}

/** @param {number} size */
function digitsOf(size) {
  const digits = [100, 10, 1, 0.1, 0.01, 0.001].findIndex((least) => size >= least);
  return digits < 0 ? 6 : digits;
}
