/**
 * Is it saved? Events in, the state line out; no page, no socket, no clock.
 *
 * "Saved" is a claim about the server's disk, so it needs every one of these: the connection is
 * open and synced, the server's question for what it lacks was answered on this connection, each
 * frame with content sent on it is acknowledged, and nothing waits elsewhere. Whatever is not known
 * counts against it: a half-open connection brings no acknowledgement, so it stays at "saving".
 *
 * @typedef {object} Failure
 * @property {number} code a close code 4400-4499 (HTTP 4xx is mapped to 44xx)
 * @property {string} [detail] the server's own sentence, if it gave one
 *
 * @typedef {object} Saving
 * @property {boolean} canWrite
 * @property {'opening' | 'open' | 'down'} link `opening` only until the first attempt ends
 * @property {boolean} synced the server's state has arrived on this connection
 * @property {boolean} answered the server's step 1 was answered on this connection
 * @property {number} sent frames with content sent on this connection
 * @property {number} acked how many of them are durable
 * @property {boolean} unsent edits that no connection took or confirmed; the next step 2 has them
 * @property {{ done: number, total: number } | null} upload bytes on their way by POST
 * @property {boolean} dirty edits of this page that the server has not confirmed
 * @property {'unknown' | 'whole' | 'storing' | 'none'} local does this browser hold every edit?
 * @property {boolean} demoted the right to write was taken while the page was open
 * @property {boolean} offered the server would let this page write, were it opened again
 * @property {Failure | null} failure final: only a person can go on from here
 *
 * @typedef {{ type: 'opened' } | { type: 'closed' } | { type: 'synced' } | { type: 'answered' }
 *   | { type: 'sent' } | { type: 'acked', count: number }
 *   | { type: 'edited', carried: boolean }
 *   | { type: 'uploading', done: number, total: number } | { type: 'uploaded' }
 *   | { type: 'storing' } | { type: 'stored' } | { type: 'storeless' }
 *   | { type: 'demoted' } | { type: 'offered', offered: boolean }
 *   | { type: 'failed', failure: Failure }} Event
 *
 * @typedef {'saved' | 'saving' | 'offline' | 'readonly' | 'failed'} Name
 */

/**
 * @param {boolean} canWrite
 * @returns {Saving}
 */
export const start = (canWrite) => ({
  canWrite,
  link: 'opening',
  synced: false,
  answered: false,
  sent: 0,
  acked: 0,
  unsent: false,
  upload: null,
  dirty: false,
  local: 'unknown',
  demoted: false,
  offered: false,
  failure: null,
});

/**
 * Does the server hold everything this page has?
 *
 * @param {Saving} state
 */
export const isSettled = (state) =>
  state.failure === null &&
  state.link === 'open' &&
  state.synced &&
  state.answered &&
  state.acked >= state.sent &&
  !state.unsent &&
  state.upload === null;

/**
 * Would leaving now leave edits behind that the server has not confirmed?
 *
 * @param {Saving} state
 */
export const isAtRisk = (state) =>
  (state.canWrite || state.demoted) &&
  (state.dirty || state.unsent || state.upload !== null || state.acked < state.sent);

/**
 * @param {Saving} state
 * @param {Event} event
 * @returns {Partial<Saving>} what the event changes
 */
function change(state, event) {
  switch (event.type) {
    case 'opened':
      return { link: 'open', synced: false, answered: false, sent: 0, acked: 0 };
    case 'closed':
      return {
        link: 'down',
        synced: false,
        answered: false,
        sent: 0,
        acked: 0,
        unsent: state.unsent || state.acked < state.sent,
      };
    case 'synced':
      return { synced: true };
    case 'answered':
      // Step 2 is made from the whole copy: it also holds what no earlier frame carried.
      return { answered: true, unsent: false };
    case 'sent':
      return { sent: state.sent + 1 };
    case 'acked':
      // More than was sent is no news about what will be sent next.
      return { acked: Math.max(state.acked, Math.min(event.count, state.sent)) };
    case 'edited':
      return { dirty: true, unsent: state.unsent || !event.carried };
    case 'uploading':
      return { upload: { done: event.done, total: event.total } };
    case 'uploaded':
      return { upload: null };
    case 'storing':
      return state.local === 'none' ? {} : { local: 'storing' };
    case 'stored':
      return state.local === 'none' ? {} : { local: 'whole' };
    case 'storeless':
      return { local: 'none' };
    case 'demoted':
      // What was sent before may still be acknowledged: the counts go on.
      return { demoted: state.canWrite || state.demoted, canWrite: false };
    case 'offered':
      return { offered: event.offered && !state.canWrite };
    case 'failed':
      return { failure: state.failure ?? event.failure };
  }
}

/**
 * @param {Saving} state
 * @param {Event} event
 * @returns {Saving}
 */
export function next(state, event) {
  const after = { ...state, ...change(state, event) };
  return after.dirty && isSettled(after) ? { ...after, dirty: false } : after;
}

/**
 * The one thing to say.
 *
 * @param {Saving} state
 * @returns {Name}
 */
export function nameOf(state) {
  if (state.failure) return 'failed';
  if (!state.canWrite) return 'readonly';
  if (isSettled(state)) return 'saved';
  if (state.link !== 'down') return 'saving';
  // Offline says where the edits are. Until the browser has stored them, they are nowhere yet.
  return state.local === 'whole' || state.local === 'none' ? 'offline' : 'saving';
}
