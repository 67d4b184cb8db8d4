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
  assert.equal(said({ type: 'failed', failure: { code: 4403 } }), 'Cannot be saved');
  assert.equal(textOf(start(false)), 'Read only');
});

test('every failure has a sentence and a way out', () => {
  for (const code of [4400, 4401, 4403, 4404, 4409, 4413, 4422, 4499]) {
    const { text, ways } = explain({ code }, 'whole');
    assert.ok(text.length > 20, String(code));
    assert.ok(ways.includes('copy') && ways.length > 1, String(code));
  }
});

test('a logged-out page promises the local copy only when there is one', () => {
  assert.match(explain({ code: 4401 }, 'whole').text, /kept in this browser/);
  for (const local of /** @type {const} */ (['none', 'storing', 'unknown'])) {
    assert.doesNotMatch(explain({ code: 4401 }, local).text, /kept in this browser/);
  }
});

test('an unknown refusal gives the words of the server', () => {
  assert.equal(
    explain({ code: 4451, detail: 'Closed for the night.' }, 'whole').text,
    'Closed for the night.',
  );
});
