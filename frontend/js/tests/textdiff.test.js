import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as Y from 'yjs';
import { editOf, movedBy } from '../src/textdiff.js';

/**
 * @param {string} before
 * @param {import('../src/textdiff.js').Edit} edit
 */
const edited = (before, { index, remove, insert }) =>
  before.slice(0, index) + insert + before.slice(index + remove);

test('an edit is only what differs', () => {
  assert.deepEqual(editOf('The plan', 'The new plan', 8), { index: 4, remove: 0, insert: 'new ' });
  assert.deepEqual(editOf('The plan', 'The plan', 3), { index: 3, remove: 0, insert: '' });
  assert.deepEqual(editOf('cat', 'cut', 2), { index: 1, remove: 1, insert: 'u' });
});

test('the caret decides where a repeated letter was typed', () => {
  assert.equal(editOf('aaa', 'aaaa', 1).index, 0);
  assert.equal(editOf('aaa', 'aaaa', 4).index, 3);
  assert.deepEqual(editOf('aaa', 'aa', 0), { index: 0, remove: 1, insert: '' });
});

test('a surrogate pair is replaced as a whole', () => {
  const edit = editOf('a😀b', 'a😁b', 3);
  assert.deepEqual(edit, { index: 1, remove: 2, insert: '😁' });
});

test('an edit always leads from the one text to the other', () => {
  const alphabet = ['a', 'b', '😀', '😁', ' '];
  let seed = 7;
  const pick = (/** @type {number} */ n) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return seed % n;
  };
  const word = () => Array.from({ length: pick(7) }, () => alphabet[pick(5)]).join('');
  for (let n = 0; n < 2000; n += 1) {
    const [before, after] = [word(), word()];
    assert.equal(edited(before, editOf(before, after, pick(after.length + 1))), after);
  }
});

test('a caret moves with what others write before it and stays with what they write behind it', () => {
  const doc = new Y.Doc();
  const text = doc.getText();
  text.insert(0, 'The plan');
  let caret = 4;
  text.observe(({ delta }) => {
    caret = movedBy(caret, delta);
  });
  text.insert(0, 'Re: ');
  assert.equal(caret, 8);
  text.insert(12, '!');
  text.insert(8, 'good ');
  assert.equal(caret, 8);
  text.delete(0, 4);
  assert.equal(caret, 4);
  text.delete(2, 6);
  assert.equal(caret, 2);
});
