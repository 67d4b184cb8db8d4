/** Addresses that a link may have. */

const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
const ALLOWED = /^(https?|mailto):/i;

/**
 * Only the web and mail: `javascript:` and its like run in the reader's name.
 *
 * @param {string} address
 */
export const isAllowed = (address) => ALLOWED.test(address.trim());

/**
 * What a person typed, as an address.
 *
 * @param {string} typed
 * @returns {string | null} null when it cannot be a link here
 */
export function addressOf(typed) {
  const text = typed.trim();
  if (text === '') return null;
  const address = SCHEME.test(text) && !/^[^/:]+:\d/.test(text) ? text : withScheme(text);
  return isAllowed(address) && URL.canParse(address) ? address : null;
}

/** @param {string} text */
const withScheme = (text) =>
  /^[^\s@/]+@[^\s@/]+\.[^\s@/]+$/.test(text) ? `mailto:${text}` : `https://${text}`;
