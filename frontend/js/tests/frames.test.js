import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isContent, isStep2, updateFrame, updateOf } from '../src/frames.js';

test('an update frame is [0, 2, length, bytes] and gives its update back', () => {
  const update = new Uint8Array([1, 2, 3]);
  const frame = updateFrame(update);
  assert.deepEqual([...frame], [0, 2, 3, 1, 2, 3]);
  assert.deepEqual(updateOf(frame), update);
});

test('step 2 and updates are frames with content, and nothing else is', () => {
  assert.ok(isContent(new Uint8Array([0, 1, 2, 0, 0])));
  assert.ok(isContent(new Uint8Array([0, 2, 2, 0, 0])));
  assert.ok(isStep2(new Uint8Array([0, 1, 2, 0, 0])));
  for (const frame of [[0, 0, 1, 0], [1, 0], [2, 0, 0], [3], [8, 1], []]) {
    assert.ok(!isContent(new Uint8Array(frame)), String(frame));
  }
});
