import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Text } from '@codemirror/state';
import { Counter, tallyOf } from '../src/tally.js';
import { textPieces } from '../src/words-text.js';

test('words are what stands between spaces and can be read', () => {
  assert.equal(tallyOf('').words, 0);
  assert.equal(tallyOf("  It's a well-known -- fact, 3.14 …\n").words, 5);
  assert.equal(tallyOf("Об'єднання п'яти слів").words, 3);
});

test('words without spaces between them are told apart by the language', () => {
  const { words } = tallyOf('我喜欢读书');
  assert.ok(words > 1 && words < 6, String(words));
});

test('characters are code points, and line breaks are none', () => {
  assert.equal(tallyOf('a😀\nї\r\n').characters, 3);
});

test('what did not change is counted once, and what nobody waits for is given up', async () => {
  let reads = 0;
  const read = () => {
    reads += 1;
    return 'two words';
  };
  const pieces = [{ key: {}, text: read }, { text: read }];
  const counter = new Counter();
  const pause = async () => {};
  const first = await counter.count(pieces, pause, () => true);
  assert.deepEqual(first, { words: 4, characters: 18 });
  assert.deepEqual(await counter.count(pieces, pause, () => true), first);
  assert.equal(reads, 3);
  let time = 0;
  const clock = () => {
    time += 100;
    return time;
  };
  assert.equal(await counter.count(pieces, pause, () => false, clock), null);
});

test('the pieces of a long plain text are its text, whole or in part', async () => {
  const line = 'some words on a line';
  const lines = Array.from({ length: 5000 }, (_, number) => `${number} ${line}`);
  const doc = Text.of(lines);
  const state = /** @type {import('@codemirror/state').EditorState} */ ({ doc });
  const whole = textPieces(state, false) ?? [];
  assert.ok(whole.length > 10, String(whole.length));
  assert.equal(whole.map(({ text }) => text()).join('\n'), lines.join('\n'));
  for (const [from, to] of [
    [0, 3],
    [17, 60_000],
    [50_000, doc.length],
    [40, 41],
  ]) {
    const selection = { ranges: [{ from, to, empty: false }] };
    const part = textPieces(/** @type {any} */ ({ doc, selection }), true) ?? [];
    assert.equal(part.map(({ text }) => text()).join('\n'), doc.sliceString(from, to));
  }
});
