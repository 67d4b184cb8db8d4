import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAtRisk, nameOf, next, start } from '../src/saving.js';

/**
 * @param {import('../src/saving.js').Event[]} events
 * @param {boolean} [canWrite]
 */
const after = (events, canWrite = true) => events.reduce(next, start(canWrite));

/** @type {import('../src/saving.js').Event[]} */
const SYNCED = [{ type: 'stored' }, { type: 'opened' }, { type: 'synced' }];
/** @type {import('../src/saving.js').Event[]} the empty step 2 is a frame with content too */
const CALM = [...SYNCED, { type: 'sent' }, { type: 'answered' }, { type: 'acked', count: 1 }];
/** @type {import('../src/saving.js').Event[]} */
const EDIT = [{ type: 'sent' }, { type: 'edited', carried: true }, { type: 'storing' }];

test('a page that has not reached the server yet is saving', () => {
  assert.equal(nameOf(after([])), 'saving');
  assert.equal(nameOf(after([{ type: 'stored' }])), 'saving');
});

test('a synced connection with its step 2 acknowledged is saved', () => {
  assert.equal(nameOf(after(CALM)), 'saved');
});

test('a connection whose state has arrived is not saved before its own step 2 is acknowledged', () => {
  assert.equal(nameOf(after(SYNCED)), 'saving');
  assert.equal(nameOf(after([...SYNCED, { type: 'sent' }, { type: 'answered' }])), 'saving');
});

test('an acknowledged step 2 is not enough while the server state is missing', () => {
  const events = CALM.filter(({ type }) => type !== 'synced');
  assert.equal(nameOf(after(events)), 'saving');
});

test('an edit is saving until the frame that carries it is acknowledged', () => {
  assert.equal(nameOf(after([...CALM, ...EDIT])), 'saving');
  assert.equal(nameOf(after([...CALM, ...EDIT, { type: 'acked', count: 1 }])), 'saving');
  assert.equal(nameOf(after([...CALM, ...EDIT, { type: 'acked', count: 2 }])), 'saved');
});

test('an acknowledgement of more than was sent does not count for what is sent later', () => {
  assert.equal(nameOf(after([...CALM, { type: 'acked', count: 9 }, ...EDIT])), 'saving');
});

test('acknowledgements that arrive out of order never count down', () => {
  const events = [...CALM, ...EDIT, ...EDIT];
  const acks = [
    { type: /** @type {const} */ ('acked'), count: 3 },
    { type: /** @type {const} */ ('acked'), count: 2 },
  ];
  assert.equal(nameOf(after([...events, ...acks])), 'saved');
});

test('an edit that the connection did not take keeps the line at saving', () => {
  const lost = /** @type {const} */ ({ type: 'edited', carried: false });
  assert.equal(nameOf(after([...CALM, lost])), 'saving');
});

test('a closed connection is offline once the browser has stored everything', () => {
  assert.equal(nameOf(after([...CALM, { type: 'closed' }])), 'offline');
  const typing = after([...CALM, { type: 'closed' }, ...EDIT, { type: 'storing' }]);
  assert.equal(nameOf(typing), 'saving');
  assert.equal(nameOf(next(typing, { type: 'stored' })), 'offline');
});

test('nothing is said to be kept before the local copy is open', () => {
  assert.equal(nameOf(after([{ type: 'closed' }])), 'saving');
});

test('a browser without storage is offline and says so', () => {
  const state = after([{ type: 'storeless' }, { type: 'closed' }, { type: 'storing' }]);
  assert.equal(nameOf(state), 'offline');
  assert.equal(state.local, 'none');
  assert.equal(next(state, { type: 'stored' }).local, 'none');
});

test('a new connection starts counting at zero and is saving until its step 2 is durable', () => {
  /** @type {import('../src/saving.js').Event[]} */
  const back = [{ type: 'closed' }, { type: 'opened' }, { type: 'synced' }];
  assert.equal(nameOf(after([...CALM, ...EDIT, ...back])), 'saving');
  assert.equal(nameOf(after([...CALM, ...EDIT, ...back, { type: 'acked', count: 2 }])), 'saving');
  const answered = after([...CALM, ...EDIT, ...back, { type: 'sent' }, { type: 'answered' }]);
  assert.equal(nameOf(answered), 'saving');
  assert.equal(nameOf(next(answered, { type: 'acked', count: 1 })), 'saved');
});

test('an upload under way is saving, however many frames are acknowledged', () => {
  const state = after([...CALM, { type: 'uploading', done: 1, total: 2 }]);
  assert.equal(nameOf(state), 'saving');
  assert.equal(nameOf(next(state, { type: 'uploaded' })), 'saved');
});

test('a failure is final and keeps its first reason', () => {
  const state = after([
    ...CALM,
    { type: 'failed', failure: { code: 4403 } },
    { type: 'failed', failure: { code: 4401 } },
    { type: 'opened' },
  ]);
  assert.equal(nameOf(state), 'failed');
  assert.equal(state.failure?.code, 4403);
});

test('a reader is told "read only" whatever the connection does', () => {
  assert.equal(nameOf(after([{ type: 'opened' }, { type: 'synced' }], false)), 'readonly');
  assert.equal(nameOf(after([{ type: 'closed' }], false)), 'readonly');
  assert.equal(nameOf(after([{ type: 'failed', failure: { code: 4404 } }], false)), 'failed');
});

test('leaving is a risk from the first edit until its acknowledgement, through lost connections', () => {
  assert.equal(isAtRisk(after(CALM)), false);
  assert.equal(isAtRisk(after([...CALM, ...EDIT])), true);
  assert.equal(isAtRisk(after([...CALM, ...EDIT, { type: 'closed' }])), true);
  assert.equal(isAtRisk(after([...CALM, ...EDIT, { type: 'acked', count: 2 }])), false);
});

test('a step 2 that was sent but not confirmed before the connection closed is still a risk', () => {
  /** @type {import('../src/saving.js').Event[]} edits loaded from an earlier visit */
  const loaded = [...SYNCED, { type: 'sent' }, { type: 'answered' }, { type: 'closed' }];
  assert.equal(isAtRisk(after(loaded)), true);
});

test('a page that may only read now waits for what it sent before', () => {
  /** @type {import('../src/saving.js').Event[]} */
  const events = [...CALM, ...EDIT, { type: 'demoted' }];
  assert.equal(nameOf(after(events)), 'readonly');
  assert.equal(isAtRisk(after(events)), true);
  assert.equal(isAtRisk(after([...events, { type: 'acked', count: 2 }])), false);
});
