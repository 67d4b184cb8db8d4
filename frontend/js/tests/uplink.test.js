import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as Y from 'yjs';
import { updateFrame, updateOf } from '../src/frames.js';
import { carrying } from '../src/socket.js';
import { Uplink } from '../src/uplink.js';
import { UploadRefused } from '../src/upload.js';

/** @param {string} text */
function updateWith(text) {
  const doc = new Y.Doc();
  doc.getText('title').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

/** @param {Uint8Array} update */
function step2(update) {
  const frame = updateFrame(update);
  frame[1] = 1;
  return frame;
}

/** An uplink with a connection and a server for uploads that answers when told. */
function linked({ canWrite = true } = {}) {
  /** @type {Uint8Array[]} */
  const sent = [];
  /** @type {import('../src/saving.js').Event[]} */
  const events = [];
  /** @type {{ updates: Uint8Array[], signal: AbortSignal, end: (error?: Error) => Promise<void> }[]} */
  const uploads = [];
  const carrier = {
    isOpen: () => true,
    forward: (/** @type {Uint8Array} */ frame) => void sent.push(frame),
  };
  const uplink = new Uplink({
    canWrite,
    maxFrameBytes: 1000,
    maxUploadBytes: 100_000,
    note: (event) => void events.push(event),
    post: (updates, signal) =>
      new Promise((resolve, reject) => {
        const end = async (/** @type {Error | undefined} */ error) => {
          if (error) reject(error);
          else resolve();
          await new Promise((done) => setImmediate(done));
        };
        uploads.push({ updates, signal, end });
      }),
  });
  const names = () => events.map(({ type }) => type);
  return { uplink, carrier, sent, events, uploads, names };
}

const SMALL = updateFrame(updateWith('small'));
const LARGE = updateWith('large'.repeat(1000));

test('a frame of ordinary size goes over the socket and is counted', () => {
  const { uplink, carrier, sent, names } = linked();
  uplink.take(SMALL, carrier);
  assert.deepEqual(sent, [SMALL]);
  assert.deepEqual(names(), ['sent']);
});

test('an empty step 2 goes over the socket, is counted, and answers the server', () => {
  const { uplink, carrier, sent, names } = linked();
  uplink.take(step2(updateWith('')), carrier);
  assert.equal(sent.length, 1);
  assert.deepEqual(names(), ['uploaded', 'sent', 'answered']);
});

test('a large step 2 is posted instead, and answers the server', async () => {
  const { uplink, carrier, sent, uploads, names } = linked();
  uplink.take(step2(LARGE), carrier);
  assert.equal(sent.length, 0);
  assert.deepEqual(names(), ['uploaded', 'uploading', 'answered']);
  const doc = new Y.Doc();
  for (const update of uploads[0].updates) Y.applyUpdate(doc, update);
  assert.equal(doc.getText('title').length, 5000);
  await uploads[0].end();
  assert.equal(names().at(-1), 'uploaded');
});

test('edits made during an upload follow when it is through, in one frame', async () => {
  const { uplink, carrier, sent, uploads, names } = linked();
  uplink.take(updateFrame(LARGE), carrier);
  uplink.take(SMALL, carrier);
  uplink.take(updateFrame(updateWith('more')), carrier);
  assert.equal(sent.length, 0);
  await uploads[0].end();
  assert.equal(sent.length, 1);
  assert.deepEqual(names().slice(-2), ['sent', 'uploaded']);
  const doc = new Y.Doc();
  Y.applyUpdate(doc, updateOf(sent[0]));
  assert.equal(doc.getText('title').length, 'small'.length + 'more'.length);
});

test('a large edit made during an upload is posted after it', async () => {
  const { uplink, carrier, sent, uploads, names } = linked();
  uplink.take(updateFrame(LARGE), carrier);
  uplink.take(updateFrame(updateWith('again'.repeat(500))), carrier);
  await uploads[0].end();
  assert.equal(uploads.length, 2);
  assert.ok(!names().includes('sent') && sent.length === 0);
  assert.notEqual(names().at(-1), 'uploaded');
  await uploads[1].end();
  assert.equal(names().at(-1), 'uploaded');
});

test('a step 2 takes the place of an upload that is under way', async () => {
  const { uplink, carrier, sent, uploads, names } = linked();
  uplink.take(updateFrame(LARGE), carrier);
  uplink.take(SMALL, carrier);
  uplink.take(step2(updateWith('rest')), carrier);
  assert.ok(uploads[0].signal.aborted);
  assert.equal(sent.length, 1);
  await uploads[0].end(new DOMException('', 'AbortError'));
  assert.equal(sent.length, 1);
  assert.deepEqual(names().slice(-2), ['sent', 'answered']);
});

test('a refused upload is a failure with the close code of its status', async () => {
  const { uplink, carrier, uploads, events } = linked();
  uplink.take(updateFrame(LARGE), carrier);
  await uploads[0].end(new UploadRefused(413, 'Too much.'));
  assert.deepEqual(events.at(-1), { type: 'failed', failure: { code: 4413, detail: 'Too much.' } });
});

test('what was held back is not counted as sent on a connection that has gone', async () => {
  const { uplink, carrier, sent, uploads, names } = linked();
  uplink.take(updateFrame(LARGE), carrier);
  uplink.take(SMALL, { ...carrier, isOpen: () => false });
  await uploads[0].end();
  assert.equal(sent.length, 0);
  assert.ok(!names().includes('sent'));
});

test('a reader sends nothing', () => {
  const { uplink, carrier, sent, events } = linked({ canWrite: false });
  uplink.take(step2(LARGE), carrier);
  uplink.take(SMALL, carrier);
  assert.equal(sent.length, 0);
  assert.equal(events.length, 0);
});

test('the socket leads frames with content through the uplink and drops echoes', () => {
  const { uplink, names } = linked();
  /** @type {unknown[]} */
  const passed = [];
  class Base {
    static OPEN = 1;
    readyState = 1;
    /** @param {unknown} data */
    send(data) {
      passed.push(data);
    }
  }
  const Socket = carrying(uplink, () => 1, /** @type {any} */ (Base));
  const socket = new Socket('');
  const step1 = new Uint8Array([0, 0, 1, 0]);
  // One state each, of clock 0, as JSON of no bytes: client 1 is the page's own.
  const mine = new Uint8Array([1, 4, 1, 1, 0, 0]);
  const echo = new Uint8Array([1, 4, 1, 2, 0, 0]);
  for (const frame of [step1, new Uint8Array(SMALL), mine, echo]) socket.send(frame);
  assert.deepEqual(passed, [step1, SMALL, mine]);
  assert.deepEqual(names(), ['sent']);
});
