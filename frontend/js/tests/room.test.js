import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as encoding from 'lib0/encoding';
import * as syncProtocol from 'y-protocols/sync';
import * as Y from 'yjs';
import { isContent } from '../src/frames.js';
import { Ledger } from '../src/ledger.js';
import { isAtRisk, nameOf } from '../src/saving.js';

/** The browser's socket, with the other end in the test's hand. */
class FakeSocket {
  static OPEN = 1;
  /** @type {FakeSocket[]} */
  static all = [];
  OPEN = 1;
  readyState = 0;
  /** @type {Uint8Array[]} */
  sent = [];
  /** @type {((event: object) => void) | null} */
  onopen = null;
  /** @type {((event: { data: ArrayBufferLike }) => void) | null} */
  onmessage = null;
  /** @type {((event: { code: number, reason: string }) => void) | null} */
  onclose = null;

  /** @param {string} url */
  constructor(url) {
    this.url = url;
    FakeSocket.all.push(this);
  }

  /** @param {Uint8Array} data */
  send(data) {
    this.sent.push(data);
  }

  close() {
    this.readyState = 3;
  }

  open() {
    this.readyState = 1;
    this.onopen?.({});
  }

  /** @param {Uint8Array} frame */
  receive(frame) {
    this.onmessage?.({ data: new Uint8Array(frame).buffer });
  }

  /** @param {number} code */
  drop(code) {
    this.readyState = 3;
    this.onclose?.({ code, reason: 'why' });
  }

  get content() {
    return this.sent.filter(isContent);
  }
}

Object.assign(globalThis, {
  WebSocket: FakeSocket,
  location: { href: 'https://collab.example/documents/d/' },
  window: new EventTarget(),
});
const { enter } = await import('../src/room.js');

/** @param {(encoder: encoding.Encoder) => void} write */
function frame(write) {
  const encoder = encoding.createEncoder();
  write(encoder);
  return encoding.toUint8Array(encoder);
}

/** @param {Y.Doc} doc the server's */
const step1 = (doc) =>
  frame((encoder) => {
    encoding.writeVarUint(encoder, 0);
    syncProtocol.writeSyncStep1(encoder, doc);
  });

/** @param {Y.Doc} doc the server's */
const step2 = (doc) =>
  frame((encoder) => {
    encoding.writeVarUint(encoder, 0);
    syncProtocol.writeSyncStep2(encoder, doc);
  });

/** @param {number} count */
const ack = (count) =>
  frame((encoder) => {
    encoding.writeVarUint(encoder, 8);
    encoding.writeVarUint(encoder, count);
  });

/**
 * A page in a room, with a real provider on a fake socket.
 *
 * @param {import('node:test').TestContext} context
 * @param {{ canWrite?: boolean }} [options]
 */
function page(context, { canWrite = true } = {}) {
  const doc = new Y.Doc();
  const ledger = new Ledger(canWrite);
  const controller = new AbortController();
  context.after(() => {
    controller.abort();
    doc.destroy();
  });
  const config = {
    documentId: 'd',
    socketUrl: '/ws/documents/d',
    updatesUrl: '/api/documents/d/updates',
    canWrite,
    role: 'editor',
    epoch: 4,
    user: { id: '1', name: 'Ada', color: '#112233', colorLight: '#11223333' },
    maxFrameBytes: 1000,
    filesUrl: '',
    maxImageBytes: 0,
    maxUploadBytes: 100_000,
  };
  const provider = enter({
    config,
    doc,
    ledger,
    isLoaded: (origin) => origin === 'copy',
    signal: controller.signal,
  });
  ledger.note({ type: 'stored' });
  provider.connect();
  const server = new Y.Doc();
  const socket = () => /** @type {FakeSocket} */ (FakeSocket.all.at(-1));
  const sync = () => {
    socket().open();
    socket().receive(step1(server));
    socket().receive(step2(server));
  };
  const type = (/** @type {string} */ text) => doc.getText('title').insert(0, text);
  return { doc, ledger, provider, socket, sync, type, name: () => nameOf(ledger.state) };
}

test('the room is asked for acknowledgements and told epoch and schema', (context) => {
  const { socket } = page(context);
  assert.equal(socket().url, 'wss://collab.example/ws/documents/d?ack=1&epoch=4&schema=2');
});

test('an edit is saved when the server has acknowledged as many frames as were sent', (context) => {
  const { socket, sync, type, name } = page(context);
  sync();
  assert.equal(socket().content.length, 1, 'the step 2');
  assert.equal(name(), 'saving');
  socket().receive(ack(1));
  assert.equal(name(), 'saved');
  type('a');
  assert.equal(socket().content.length, 2);
  assert.equal(name(), 'saving');
  socket().receive(ack(2));
  assert.equal(name(), 'saved');
});

test('an edit that meets a closing socket is not saved, though all sent frames are', (context) => {
  const { ledger, socket, sync, type, name } = page(context);
  sync();
  socket().receive(ack(1));
  socket().readyState = 2;
  type('lost?');
  assert.equal(socket().content.length, 1);
  assert.equal(name(), 'saving');
  socket().drop(1006);
  assert.ok(isAtRisk(ledger.state));
  assert.equal(name(), 'offline');
});

test('the next connection carries what the last one did not, and only then it is saved', (context) => {
  const { doc, ledger, provider, socket, sync, type, name } = page(context);
  sync();
  socket().receive(ack(1));
  type('before ');
  socket().drop(1012);
  type('while away ');
  assert.equal(name(), 'offline');
  provider.disconnect();
  provider.connect();
  sync();
  assert.equal(name(), 'saving');
  const copy = new Y.Doc();
  for (const sent of socket().content) Y.applyUpdate(copy, sent.slice(3));
  assert.equal(copy.getText('title').toString(), doc.getText('title').toString());
  socket().receive(ack(1));
  assert.equal(name(), 'saved');
  assert.ok(!isAtRisk(ledger.state));
});

test('what the local copy brings in is no edit, but is not saved before its frame is', (context) => {
  const { doc, ledger, socket, sync, name } = page(context);
  sync();
  socket().receive(ack(1));
  const before = new Y.Doc();
  before.getText('title').insert(0, 'from an earlier visit');
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(before), 'copy');
  assert.equal(ledger.state.dirty, false);
  assert.equal(name(), 'saving');
  socket().receive(ack(2));
  assert.equal(name(), 'saved');
});

test('what others write is no edit of this page', (context) => {
  const { ledger, socket, sync, name } = page(context);
  sync();
  socket().receive(ack(1));
  const other = new Y.Doc();
  other.getText('title').insert(0, 'theirs');
  socket().receive(step2(other));
  assert.equal(name(), 'saved');
  assert.equal(socket().content.length, 1);
  assert.equal(ledger.state.dirty, false);
});

test('a final close code ends it, and a transient one does not', (context) => {
  const one = page(context);
  one.sync();
  one.socket().drop(1013);
  assert.equal(one.name(), 'offline');
  const other = page(context);
  other.sync();
  other.socket().drop(4403);
  assert.equal(other.name(), 'failed');
  assert.deepEqual(other.ledger.state.failure, { code: 4403, detail: 'why' });
});

test('a page that was too fast waits and is offline meanwhile', (context) => {
  const { ledger, socket, sync, name } = page(context);
  sync();
  socket().drop(4429);
  assert.equal(name(), 'offline');
  assert.equal(ledger.state.failure, null);
});

test('a page is offline as soon as its browser is, and tries to come back', (context) => {
  const { socket, sync, type, name } = page(context);
  sync();
  socket().receive(ack(1));
  const lost = socket();
  window.dispatchEvent(new Event('offline'));
  type('meanwhile');
  assert.equal(lost.readyState, 3);
  assert.equal(name(), 'offline');
  sync();
  assert.notEqual(socket(), lost);
  socket().receive(ack(1));
  assert.equal(name(), 'saved');
});

test('a writer who is denied reads on and sends nothing more', (context) => {
  const denied = frame((encoder) => {
    encoding.writeVarUint(encoder, 2);
    encoding.writeVarUint(encoder, 0);
    encoding.writeVarString(encoder, 'You may only read.');
  });
  const writer = page(context);
  writer.sync();
  writer.socket().receive(denied);
  assert.equal(writer.name(), 'readonly');
  assert.equal(writer.ledger.state.demoted, true);
  assert.equal(writer.ledger.state.failure, null);
  const sent = writer.socket().content.length;
  writer.doc.getText('title').insert(0, 'too late');
  assert.equal(writer.socket().content.length, sent);
  const reader = page(context, { canWrite: false });
  reader.sync();
  reader.socket().receive(denied);
  assert.equal(reader.name(), 'readonly');
  assert.equal(reader.socket().content.length, 0);
});
