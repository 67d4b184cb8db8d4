import 'fake-indexeddb/auto';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as Y from 'yjs';
import { LocalCopy } from '../src/copy.js';
import { wipeCopies } from '../src/wipe.js';

/** @param {{ epoch?: number, userId?: string }} [changes] */
const configOf = ({ epoch = 1, userId = '7' } = {}) =>
  /** @type {import('../src/config.js').Config} */ ({
    documentId: 'd',
    epoch,
    user: { id: userId, name: '', color: '', colorLight: '' },
  });

/**
 * @param {import('node:test').TestContext} context
 * @param {Parameters<typeof configOf>[0]} [changes]
 */
function copied(context, changes) {
  const doc = new Y.Doc();
  /** @type {string[]} */
  const events = [];
  /** @type {((type: string) => void)[]} */
  const waiting = [];
  const copy = new LocalCopy(doc, configOf(changes), ({ type }) => {
    events.push(type);
    for (const tell of waiting.splice(0)) tell(type);
  });
  context.after(() => copy.close());
  const nextEvent = () => new Promise((resolve) => waiting.push(resolve));
  return { doc, copy, events, nextEvent };
}

const names = async () => (await indexedDB.databases()).map(({ name }) => name);

test.beforeEach(() => wipeCopies());

test('an edit is stored, and a later visit has it', async (context) => {
  const { doc, copy, nextEvent, events } = copied(context);
  await copy.open();
  assert.equal(await nextEvent(), 'stored');
  doc.getText('title').insert(0, 'kept');
  assert.equal(events.at(-1), 'storing');
  assert.equal(await nextEvent(), 'stored');
  copy.close();
  const later = copied(context);
  await later.copy.open();
  assert.equal(later.doc.getText('title').toString(), 'kept');
});

test('what the copy itself brings in is told apart from edits', async (context) => {
  const first = copied(context);
  await first.copy.open();
  first.doc.getText('title').insert(0, 'kept');
  await first.nextEvent();
  first.copy.close();
  const later = copied(context);
  /** @type {boolean[]} */
  const fromCopy = [];
  later.doc.on('update', (_update, origin) => fromCopy.push(later.copy.isSource(origin)));
  await later.copy.open();
  later.doc.getText('title').insert(0, 'mine');
  assert.deepEqual(fromCopy, [true, false]);
});

test('the copy of another epoch or user is not loaded, and one of another epoch goes', async (context) => {
  const old = copied(context, { epoch: 1 });
  await old.copy.open();
  old.doc.getText('title').insert(0, 'of the old epoch');
  await old.nextEvent();
  old.copy.close();
  const other = copied(context, { userId: '17' });
  await other.copy.open();
  const fresh = copied(context, { epoch: 2 });
  await fresh.copy.open();
  assert.equal(fresh.doc.getText('title').toString(), '');
  assert.deepEqual((await names()).sort(), ['collab:17:d:1', 'collab:7:d:2']);
});

test('a write that fails means that this browser keeps nothing', async (context) => {
  const { doc, copy, events, nextEvent } = copied(context);
  await copy.open();
  await nextEvent();
  const db = /** @type {IDBDatabase} */ (copy.persistence?.db);
  const transaction = db.transaction('updates', 'readwrite');
  transaction.objectStore('updates').add(new Uint8Array(1));
  const told = nextEvent();
  transaction.abort();
  assert.equal(await told, 'storeless');
  doc.getText('title').insert(0, 'nowhere');
  assert.equal(events.at(-1), 'storeless');
});

test('a copy that is wiped elsewhere, as by a logout, is lost and does not come back', async (context) => {
  const { doc, copy, events, nextEvent } = copied(context);
  await copy.open();
  await nextEvent();
  await wipeCopies();
  assert.equal(events.at(-1), 'storeless');
  doc.getText('title').insert(0, 'after');
  assert.deepEqual(await names(), []);
});

test('a browser without storage says so at once', async (context) => {
  const { copy, events } = copied(context);
  const real = globalThis.indexedDB;
  Object.defineProperty(globalThis, 'indexedDB', {
    configurable: true,
    get: () => {
      throw new Error('blocked');
    },
  });
  context.after(() =>
    Object.defineProperty(globalThis, 'indexedDB', { configurable: true, value: real }),
  );
  await copy.open();
  assert.deepEqual(events, ['storeless']);
});

test('wiping leaves databases of others alone', async () => {
  await new Promise((resolve) => {
    indexedDB.open('theirs').onsuccess = (event) => {
      /** @type {IDBOpenDBRequest} */ (event.target).result.close();
      resolve(null);
    };
  });
  await wipeCopies();
  assert.deepEqual(await names(), ['theirs']);
});
