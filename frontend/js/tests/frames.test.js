import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as encoding from 'lib0/encoding';
import * as awarenessProtocol from 'y-protocols/awareness';
import * as Y from 'yjs';
import { isContent, isEcho, isStep2, updateFrame, updateOf } from '../src/frames.js';

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

test('presence of others is an echo, presence with one’s own is not', () => {
  const mine = new awarenessProtocol.Awareness(new Y.Doc());
  const theirs = new awarenessProtocol.Awareness(new Y.Doc());
  mine.setLocalState({ user: { name: 'Zoë' } });
  theirs.setLocalState({ user: { name: 'Bo' } });
  const told = awarenessProtocol.encodeAwarenessUpdate(theirs, [theirs.clientID]);
  awarenessProtocol.applyAwarenessUpdate(mine, told, 'room');
  /** @param {number[]} clients */
  const frame = (clients) => {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint8Array(encoder, awarenessProtocol.encodeAwarenessUpdate(mine, clients));
    return encoding.toUint8Array(encoder);
  };
  assert.ok(isEcho(frame([theirs.clientID]), mine.clientID));
  assert.ok(!isEcho(frame([mine.clientID]), mine.clientID));
  assert.ok(!isEcho(frame([theirs.clientID, mine.clientID]), mine.clientID));
  assert.ok(!isEcho(updateFrame(new Uint8Array([0, 0])), mine.clientID));
  mine.destroy();
  theirs.destroy();
});
