/**
 * The local copy of the document, in this browser's IndexedDB, by y-indexeddb.
 *
 * y-indexeddb writes and forgets: it tells nobody whether a write went through. This module finds
 * out, since "kept in this browser" is a promise. Transactions on one store run in the order of
 * their creation, so one opened after a write completes after it; a write that fails ends in an
 * `abort` event, which bubbles up to the database.
 */
import { IndexeddbPersistence } from 'y-indexeddb';
import { isOutdated, nameOfCopy, wipeCopies } from './wipe.js';
import { within } from './within.js';

/** A database that has not opened by then is blocked; the page goes on without it. */
const PATIENCE_MS = 15_000;

/** The store of y-indexeddb that holds the updates. */
const STORE = 'updates';

export class LocalCopy {
  /** @type {IndexeddbPersistence | null} */
  persistence = null;
  listeners = new AbortController();
  /** Writes that were begun; only the newest one's end makes the copy whole. */
  writes = 0;

  /**
   * @param {import('yjs').Doc} doc
   * @param {import('./config.js').Config} config
   * @param {(event: import('./saving.js').Event) => void} note
   */
  constructor(doc, config, note) {
    this.doc = doc;
    this.config = config;
    this.note = note;
    this.name = nameOfCopy(config);
  }

  /** @param {unknown} origin of an update: does it come out of this copy? */
  isSource(origin) {
    return this.persistence !== null && origin === this.persistence;
  }

  /**
   * Load what this browser has into the document, and keep every later change.
   *
   * Resolves when that is done, or when it is clear that this browser stores nothing.
   */
  async open() {
    const { config, doc, note } = this;
    if (!(await canStore())) return note({ type: 'storeless' });
    await wipeCopies(isOutdated(config));
    this.persistence = new IndexeddbPersistence(this.name, doc);
    const loaded = await within(this.persistence.whenSynced, PATIENCE_MS);
    if (loaded === null || this.persistence.db === null) return this.lose();
    this.watch(this.persistence.db);
    doc.on('update', this.onUpdate);
    this.confirm();
  }

  /** @param {IDBDatabase} db */
  watch(db) {
    const { signal } = this.listeners;
    db.addEventListener('abort', () => this.lose(), { signal });
    db.addEventListener('close', () => this.lose(), { signal });
    // Somebody removes the copy, as a logout in another tab does.
    db.addEventListener('versionchange', () => this.lose(), { signal });
  }

  /**
   * @param {Uint8Array} _update
   * @param {unknown} origin
   */
  onUpdate = (_update, origin) => {
    if (!this.isSource(origin)) this.confirm();
  };

  /** Note when everything that was written so far is stored. */
  confirm() {
    const db = this.persistence?.db;
    if (!db) return;
    const { note } = this;
    this.writes += 1;
    const write = this.writes;
    note({ type: 'storing' });
    try {
      const transaction = db.transaction(STORE, 'readonly');
      transaction.objectStore(STORE).count();
      transaction.oncomplete = () => {
        if (this.persistence !== null && write === this.writes) note({ type: 'stored' });
      };
    } catch {
      this.lose(); // the database was closed under us
    }
  }

  /** From here on this browser keeps nothing. */
  lose() {
    this.close();
    this.note({ type: 'storeless' });
  }

  close() {
    this.listeners.abort();
    this.doc.off('update', this.onUpdate);
    this.persistence?.destroy();
    this.persistence = null;
  }

  /** Stop keeping, and remove what was kept. */
  async wipe() {
    this.close();
    await wipeCopies((name) => name === this.name);
  }
}

/** Does this browser let the page store anything? Some private modes and settings do not. */
async function canStore() {
  const probe = `collab:probe:${crypto.randomUUID?.() ?? Math.random()}`;
  return new Promise((resolve) => {
    try {
      const request = indexedDB.open(probe);
      request.onerror = () => resolve(false);
      request.onsuccess = () => {
        request.result.close();
        indexedDB.deleteDatabase(probe);
        resolve(true);
      };
    } catch {
      resolve(false); // `indexedDB` itself throws where cookies are blocked
    }
  });
}
