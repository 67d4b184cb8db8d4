/** What a person has to know of a document that cannot go on as it was, and what they can do. */
import { isAtRisk } from './saving.js';

/**
 * @typedef {'login' | 'copy' | 'reload' | 'discard' | 'list'} Way `discard` removes this browser's
 *   copy and loads the document anew; `list` leads to the documents
 * @typedef {{ text: string, ways: Way[], isCalm?: true }} Explanation
 * @typedef {import('./saving.js').Saving} Saving
 */

export const LOGGED_OUT = 4401;
export const NO_RIGHT = 4403;
export const NO_DOCUMENT = 4404;
export const OTHER_EPOCH = 4409;
const TOO_LARGE = 4413;
const REFUSED = 4422;
/** The document holds what this page's editor does not know. */
export const OLD_PAGE = 4426;
/** Final for y-websocket, not for us: a page that waits may come back. */
export const TOO_FAST = 4429;

/**
 * What depends on what it is that cannot go on.
 *
 * @typedef {object} Words
 * @property {string} readOnly
 * @property {string} unshared
 * @property {string} deleted
 * @property {string} reset
 * @property {string} refused
 * @property {string} newer
 * @property {string} copy of the way that copies it
 * @property {string} list of the way that leads to the others
 */

/** @returns {Words} */
export const documentWords = () => ({
  readOnly: gettext('You can only read this document now. Your last changes were not saved.'),
  unshared: gettext('This document is no longer shared with you.'),
  deleted: gettext('This document was deleted, or it is no longer shared with you.'),
  reset: gettext('This document was reset meanwhile. Copy what you need, then load it anew.'),
  refused: gettext('The server refused this document.'),
  newer: gettext('This document was edited with a newer version of Collab. Reload to go on.'),
  copy: gettext('Copy my text'),
  list: gettext('All documents'),
});

/**
 * @param {Saving} state
 * @param {Words} [words]
 * @returns {Explanation | null} null while there is nothing to explain
 */
export function explain(state, words = documentWords()) {
  if (state.failure) return failed(state, state.failure, words);
  if (state.offered) return offered(state);
  if (state.demoted && isAtRisk(state)) return { text: words.readOnly, ways: ['copy', 'discard'] };
  return null;
}

/**
 * @param {Saving} state
 * @param {import('./saving.js').Failure} failure
 * @param {Words} words
 * @returns {Explanation}
 */
function failed(state, { code, detail }, words) {
  switch (code) {
    case LOGGED_OUT:
      return loggedOut(state);
    case NO_RIGHT:
      return gone(words.unshared, state);
    case NO_DOCUMENT:
      return gone(words.deleted, state);
    case OTHER_EPOCH:
      return { text: words.reset, ways: ['copy', 'discard'] };
    case TOO_LARGE:
      return {
        text: gettext(
          'A change is larger than the server accepts. Copy what you need, then reload.',
        ),
        ways: ['copy', 'discard'],
      };
    case REFUSED:
      return {
        text: gettext('The server refused a change as damaged. Copy what you need, then reload.'),
        ways: ['copy', 'discard'],
      };
    case OLD_PAGE:
      return old(state, words.newer);
    default:
      return { text: detail || words.refused, ways: ['copy', 'reload'] };
  }
}

/**
 * @param {Saving} state
 * @returns {Explanation}
 */
const loggedOut = ({ local }) =>
  local === 'whole'
    ? {
        text: gettext(
          'You are logged out. What you wrote is kept in this browser: log in again to save it.',
        ),
        ways: ['login', 'copy'],
      }
    : {
        text: gettext('You are logged out. Copy what you need, then log in again.'),
        ways: ['copy', 'login'],
      };

/**
 * @param {string} text
 * @param {Saving} state
 * @returns {Explanation}
 */
function gone(text, state) {
  if (!isAtRisk(state)) return { text, ways: ['list'] };
  const last = gettext('Your last changes were not saved: copy them before you leave this page.');
  return { text: `${text} ${last}`, ways: ['copy', 'list'] };
}

/**
 * @param {Saving} state
 * @param {string} text
 * @returns {Explanation}
 */
function old(state, text) {
  if (!isAtRisk(state)) return { text, ways: ['reload'] };
  return state.local === 'whole'
    ? { text: `${text} ${kept()}`, ways: ['reload', 'copy'] }
    : {
        text: `${text} ${gettext('Your last changes were not saved: copy them first.')}`,
        ways: ['copy', 'reload'],
      };
}

/**
 * @param {Saving} state
 * @returns {Explanation}
 */
function offered(state) {
  const text = gettext('You can edit now. Reload to begin.');
  if (!isAtRisk(state)) return { text, ways: ['reload'], isCalm: true };
  return state.local === 'whole'
    ? { text: `${text} ${kept()}`, ways: ['reload', 'copy'], isCalm: true }
    : {
        text: `${text} ${gettext('Your last changes were not saved: copy them first.')}`,
        ways: ['copy', 'reload'],
      };
}

const kept = () =>
  gettext('What is not saved yet is kept in this browser and comes back after the reload.');
