/** Why a document cannot be saved, in words, and what a person can do about it. */

/**
 * @typedef {'login' | 'copy' | 'reload' | 'discard' | 'list'} Way `discard` removes this browser's
 *   copy and loads the document anew; `list` leads to the documents
 * @typedef {{ text: string, ways: Way[] }} Explanation
 */

/** A reader's change, refused by `[2, 0, reason]`: the role was changed while the page was open. */
export const DENIED = 4400;
export const LOGGED_OUT = 4401;
export const NO_RIGHT = 4403;
export const NO_DOCUMENT = 4404;
export const OTHER_EPOCH = 4409;
const TOO_LARGE = 4413;
const REFUSED = 4422;
/** Final for y-websocket, not for us: a page that waits may come back. */
export const TOO_FAST = 4429;

/**
 * @param {import('./saving.js').Failure} failure
 * @param {import('./saving.js').Saving['local']} local where the edits are besides this page
 * @returns {Explanation}
 */
export function explain({ code, detail }, local) {
  switch (code) {
    case DENIED:
      return {
        text: gettext('You may only read this document now. Your last change was not saved.'),
        ways: ['copy', 'discard'],
      };
    case LOGGED_OUT:
      return loggedOut(local);
    case NO_RIGHT:
      return {
        text: gettext('You no longer have access to this document.'),
        ways: ['copy', 'list'],
      };
    case NO_DOCUMENT:
      return {
        text: gettext('This document no longer exists, or it is no longer shared with you.'),
        ways: ['copy', 'list'],
      };
    case OTHER_EPOCH:
      return {
        text: gettext('This document was reset meanwhile. Copy what you need, then load it anew.'),
        ways: ['copy', 'discard'],
      };
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
    default:
      return {
        text: detail || gettext('The server refused this document.'),
        ways: ['copy', 'reload'],
      };
  }
}

/**
 * @param {import('./saving.js').Saving['local']} local
 * @returns {Explanation}
 */
const loggedOut = (local) =>
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
