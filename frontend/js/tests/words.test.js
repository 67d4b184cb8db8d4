import assert from 'node:assert/strict';
import { test } from 'node:test';
import { next, start } from '../src/saving.js';

Object.assign(globalThis, {
  HTMLElement: class {},
  gettext: (/** @type {string} */ text) => text,
  interpolate: (/** @type {string} */ format, /** @type {Record<string, unknown>} */ values) =>
    format.replace(/%\((\w+)\)s/g, (_, key) => String(values[key])),
});
const { textOf } = await import('../src/state.js');
const { explain } = await import('../src/closes.js');

/** @param {import('../src/saving.js').Event[]} events */
const said = (...events) => textOf(events.reduce(next, start(true)));

test('the line says where the edits are', () => {
  assert.equal(said(), 'Saving…');
  assert.equal(said({ type: 'uploading', done: 2, total: 5 }), 'Saving… 40 %');
  assert.equal(said({ type: 'stored' }, { type: 'closed' }), 'Offline - kept in this browser');
  assert.equal(
    said({ type: 'storeless' }, { type: 'closed' }),
    'Offline - not kept: this browser stores nothing',
  );
  assert.equal(said({ type: 'failed', failure: { code: 4422 } }), 'Cannot be saved');
  assert.equal(said({ type: 'failed', failure: { code: 4403 } }), 'No longer shared with you');
  assert.equal(said({ type: 'failed', failure: { code: 4426 } }), 'Reload to go on');
  assert.equal(said({ type: 'demoted' }), 'You can only read now');
  assert.equal(textOf(start(false)), 'Read only');
});

/** @type {import('../src/saving.js').Event} */
const EDIT = { type: 'edited', carried: false };

/** @param {import('../src/saving.js').Event[]} events */
const explained = (...events) => {
  const explanation = explain(events.reduce(next, start(true)));
  assert.ok(explanation);
  return explanation;
};

/**
 * @param {number} code
 * @returns {import('../src/saving.js').Event}
 */
const failed = (code) => ({ type: 'failed', failure: { code } });

test('every failure has a sentence, and a way to keep what was not saved', () => {
  for (const code of [4401, 4403, 4404, 4409, 4413, 4422, 4426, 4499]) {
    const { text, ways } = explained(EDIT, failed(code));
    assert.ok(text.length > 20, String(code));
    assert.ok(ways.includes('copy') && ways.length > 1, String(code));
  }
});

test('a document that was taken away is not to be copied when all of it was saved', () => {
  for (const code of [4403, 4404]) assert.deepEqual(explained(failed(code)).ways, ['list']);
});

test('a page promises the local copy only when there is one', () => {
  for (const code of [4401, 4426]) {
    assert.match(explained(EDIT, { type: 'stored' }, failed(code)).text, /kept in this browser/);
    for (const local of /** @type {const} */ ([{ type: 'storing' }, { type: 'storeless' }])) {
      assert.doesNotMatch(explained(EDIT, local, failed(code)).text, /kept in this browser/);
    }
  }
});

test('an unknown refusal gives the words of the server', () => {
  const { text } = explain(
    next(start(true), { type: 'failed', failure: { code: 4451, detail: 'Closed for the night.' } }),
  ) ?? { text: '' };
  assert.equal(text, 'Closed for the night.');
});

test('who may only read now is told of what was not saved, and of nothing else', () => {
  assert.equal(explain(next(start(true), { type: 'demoted' })), null);
  const { text, ways } = explained(EDIT, { type: 'demoted' });
  assert.match(text, /not saved/);
  assert.deepEqual(ways, ['copy', 'discard']);
});

test('who may edit now is told to reload, and a writer is told nothing', () => {
  assert.equal(explain(next(start(true), { type: 'offered', offered: true })), null);
  const { text, ways } = explain(next(start(false), { type: 'offered', offered: true })) ?? {};
  assert.match(text ?? '', /You can edit now/);
  assert.deepEqual(ways, ['reload']);
});
