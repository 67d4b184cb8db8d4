/** The colours of lines: told apart on light and on dark ground, the first ones best. */

const LIGHT = [
  '#4650d8',
  '#d9730d',
  '#0f9d76',
  '#c2417c',
  '#0b87c9',
  '#8b4fd6',
  '#6a9413',
  '#cf3030',
  '#0d8f8f',
  '#9a6b00',
  '#5f6875',
  '#b0478f',
];
const DARK = [
  '#98a2ff',
  '#ffb454',
  '#4ade9f',
  '#f687b8',
  '#5cc4f7',
  '#c4a5ff',
  '#a8dc4c',
  '#ff8a7d',
  '#4fd5c7',
  '#e0ba5a',
  '#aab3bf',
  '#f09cd8',
];

const dark = globalThis.matchMedia?.('(prefers-color-scheme: dark)');

export const isDark = () => dark?.matches ?? false;

/**
 * @param {() => void} listener
 * @param {AbortSignal} signal
 */
export const onScheme = (listener, signal) =>
  dark?.addEventListener('change', listener, { signal });

/** @param {number} index of the line in its answer */
export const colourOf = (index) => (isDark() ? DARK : LIGHT)[index % LIGHT.length];

/**
 * @param {string} colour `#rrggbb`
 * @param {number} share 0 to 1
 */
export const faded = (colour, share) =>
  `${colour}${Math.round(255 * share)
    .toString(16)
    .padStart(2, '0')}`;

/** @returns {Record<string, string>} what the page's style sheet calls them */
export function pageColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ['ink', 'muted', 'line', 'raised', 'good', 'busy', 'bad', 'accent'];
  return Object.fromEntries(
    names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]),
  );
}

/**
 * @param {Record<string, string>} colours of the page
 * @param {string} level
 */
export const levelColour = ({ good, busy, bad }, level) =>
  level === 'bad' ? bad : level === 'warn' ? busy : good;
