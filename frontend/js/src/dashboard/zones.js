/** Times in the time zone of the dashboard, which need not be the browser's. */

/** @type {Map<string, Intl.DateTimeFormat>} making one costs more than using it */
const formats = new Map();

/**
 * @param {string} zone
 * @param {Intl.DateTimeFormatOptions} options
 */
function formatOf(zone, options) {
  const key = `${zone} ${Object.entries(options)}`;
  let format = formats.get(key);
  if (!format) {
    const locale = document.documentElement.lang || undefined;
    format = new Intl.DateTimeFormat(locale, { ...options, timeZone: zone });
    formats.set(key, format);
  }
  return format;
}

/** @type {Intl.DateTimeFormatOptions} */
const CLOCK = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
/** @type {Intl.DateTimeFormatOptions} */
const SECONDS = { ...CLOCK, second: '2-digit' };
/** @type {Intl.DateTimeFormatOptions} */
const DAY = { day: 'numeric', month: 'short' };

const DAY_S = 86_400;

/** The browser's own. */
export const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** @param {string} zone */
export function isZone(zone) {
  try {
    return Boolean(new Intl.DateTimeFormat(undefined, { timeZone: zone }));
  } catch {
    return false;
  }
}

/** @returns {string[]} */
export const zones = () => [
  'UTC',
  ...Intl.supportedValuesOf('timeZone').filter((z) => z !== 'UTC'),
];

/**
 * @param {number} ms
 * @param {string} zone
 * @returns {string} day and time to the second
 */
export const moment = (ms, zone) => formatOf(zone, { ...DAY, ...SECONDS }).format(ms);

/**
 * @param {number} ms
 * @param {string} zone
 * @returns {string} day and time to the minute, with the year where it is another
 */
export function minute(ms, zone) {
  const year = (/** @type {number} */ at) => formatOf(zone, { year: 'numeric' }).format(at);
  const isNow = year(ms) === year(Date.now());
  return formatOf(zone, { ...DAY, ...CLOCK, ...(isNow ? {} : { year: 'numeric' }) }).format(ms);
}

/**
 * What stands at the marks of a time axis: times, and the day at the first mark of each.
 *
 * @param {number[]} marks Unix ms
 * @param {number} apart ms between two
 * @param {string} zone
 * @returns {string[]}
 */
export function marked(marks, apart, zone) {
  const options = apart < 60_000 ? SECONDS : CLOCK;
  let last = '';
  return marks.map((ms) => {
    const day = formatOf(zone, DAY).format(ms);
    const isNew = last !== '' && day !== last;
    last = day;
    if (apart >= DAY_S * 1000) return day;
    return isNew ? day : formatOf(zone, options).format(ms);
  });
}

/**
 * @param {number} ms
 * @param {string} zone
 * @returns {string} as `<input type="datetime-local">` has it
 */
export function local(ms, zone) {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      ...SECONDS,
    })
      .formatToParts(ms)
      .map(({ type, value }) => [type, value]),
  );
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}:${parts.second}`;
}

/**
 * @param {string} value of `<input type="datetime-local">`
 * @param {string} zone
 * @returns {number | null} Unix ms
 */
export function instant(value, zone) {
  const asUtc = Date.parse(`${value}Z`);
  if (Number.isNaN(asUtc)) return null;
  // Twice: the offset of the first guess may be that of the other side of a change of the clocks.
  let at = asUtc;
  for (let round = 0; round < 2; round += 1) at += asUtc - Date.parse(`${local(at, zone)}Z`);
  return at;
}
