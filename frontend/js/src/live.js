/**
 * One live document in a page, whatever edits its text: the room, the ledger, the local copy, who
 * is here, and the ways out when it cannot go on.
 *
 * Who has lost a document must not go on reading it out of this browser: the local copy is wiped at
 * once. What is on the screen goes too, unless words are in it that the server does not have; those
 * stay to be copied until the page is left.
 */
import * as Y from 'yjs';
import { documentWords, NO_DOCUMENT, NO_RIGHT, OTHER_EPOCH } from './closes.js';
import { readConfig } from './config.js';
import { LocalCopy } from './copy.js';
import { guardLeaving } from './leaving.js';
import { Ledger } from './ledger.js';
import { enter } from './room.js';
import { isAtRisk } from './saving.js';
import { within } from './within.js';

/** The document's parts in the CRDT; the server reads the same names. */
export const BODY = 'body';
export const TITLE = 'title';

/** Longer than most local copies take to load, shorter than people wait. */
const QUICK_MS = 2000;

/**
 * @typedef {object} Binding what an editor is bound to
 * @property {import('./config.js').Config} config
 * @property {import('y-websocket').WebsocketProvider} provider
 * @property {Y.Text} title
 */

/** @abstract */
export class LiveDocument extends HTMLElement {
  listeners = new AbortController();
  doc = new Y.Doc();
  isReady = false;
  isOver = false;

  connectedCallback() {
    const { doc } = this;
    const { signal } = this.listeners;
    const config = this.readConfig();
    const ledger = new Ledger(config.canWrite);
    this.ledger = ledger;
    this.copy = config.canWrite ? new LocalCopy(doc, config, (event) => ledger.note(event)) : null;
    const isLoaded = (/** @type {unknown} */ origin) => this.copy?.isSource(origin) ?? false;
    this.provider = enter({ config, doc, ledger, isLoaded, signal });
    this.guard = guardLeaving(ledger, signal);
    this.bindText({ config, provider: this.provider, title: doc.getText(TITLE) });
    this.piece('collab-state').bind(ledger);
    this.piece('collab-failure').bind(ledger, this.ways(), this.words());
    this.piece('collab-rights').bind(ledger);
    this.meet(config, this.provider.awareness);
    ledger.addEventListener('change', this.onChange, { signal });
    this.begin();
  }

  disconnectedCallback() {
    this.listeners.abort();
    this.unbindText();
    this.copy?.close();
    this.doc.destroy();
  }

  /** @returns {import('./config.js').Config} */
  readConfig() {
    return readConfig();
  }

  /** What is said of it when it cannot go on. */
  words() {
    return documentWords();
  }

  /**
   * Let the avatars lead to where the others are.
   *
   * @param {import('./config.js').Config} config
   * @param {import('y-protocols/awareness').Awareness} awareness
   */
  meet(config, awareness) {
    this.piece('collab-people').bind(config.user.id, awareness, (cursor) => this.reveal(cursor));
  }

  /**
   * @template {keyof Parts} Name
   * @param {Name} name
   * @returns {Parts[Name]}
   */
  piece(name) {
    return /** @type {Parts[Name]} */ (document.querySelector(name));
  }

  /**
   * Show the document in an editor, read-only at first.
   *
   * @abstract
   * @param {Binding} _binding
   */
  bindText(_binding) {
    throw new Error('An editor says how.');
  }

  /**
   * @abstract
   * @param {boolean} _isEditable
   */
  setEditable(_isEditable) {
    throw new Error('An editor says how.');
  }

  /** @param {boolean} isEditable */
  setTitleEditable(isEditable) {
    this.piece('collab-title').setEditable(isEditable);
  }

  /** @abstract */
  unbindText() {
    throw new Error('An editor says how.');
  }

  /**
   * Scroll to a cursor of somebody's presence.
   *
   * @abstract
   * @param {Cursor} _cursor
   * @returns {boolean} whether it points into this text
   */
  reveal(_cursor) {
    throw new Error('An editor says how.');
  }

  /**
   * @abstract
   * @returns {Promise<boolean>} whether the clipboard took title and text
   */
  copyText() {
    throw new Error('An editor says how.');
  }

  /** Load the local copy first, if that is quick: one sync then brings both sides together. */
  async begin() {
    await within(this.copy?.open() ?? Promise.resolve(), QUICK_MS);
    if (this.listeners.signal.aborted) return;
    this.provider?.connect();
    this.onChange();
  }

  onChange = () => {
    if (!this.ledger || this.isOver) return;
    const { canWrite, demoted, failure, synced } = this.ledger.state;
    // Typed into an empty page, text would come to stand before what the server has.
    if (!this.isReady && (synced || this.doc.store.clients.size > 0)) {
      this.isReady = true;
      this.toggleAttribute('data-ready', true);
      this.piece('collab-title').begin();
    }
    const isEditable = this.isReady && canWrite && failure === null;
    this.setEditable(isEditable);
    this.setTitleEditable(isEditable);
    if (failure !== null) this.end(failure.code);
    // A reader's browser keeps no copy; one that holds words of theirs stays until they decide.
    else if (demoted && !isAtRisk(this.ledger.state)) this.dropCopy();
  };

  /**
   * The server has closed this document for good, as far as this page goes.
   *
   * @param {number} code
   */
  async end(code) {
    this.isOver = true;
    this.provider?.disconnect();
    this.querySelector('[hx-ws\\:connect]')?.remove();
    if (!this.ledger) return;
    const hasWords = isAtRisk(this.ledger.state);
    if (code === NO_RIGHT || code === NO_DOCUMENT) {
      if (!hasWords) this.clear();
      await this.dropCopy();
    }
    if (code === OTHER_EPOCH && !hasWords) await this.discard();
  }

  /** Take the document off the screen. */
  clear() {
    this.unbindText();
    this.toggleAttribute('data-gone', true);
    this.querySelector('main')?.replaceChildren();
    this.querySelector('.foot')?.remove();
    this.piece('collab-find')?.remove();
    document.title = 'Collab';
  }

  async dropCopy() {
    const { copy } = this;
    this.copy = null;
    await copy?.wipe();
  }

  async discard() {
    await this.dropCopy();
    this.guard?.disarm();
    location.reload();
  }

  /** Leave without a question where the next visit saves what this browser keeps. */
  trustCopy() {
    if (this.copy && this.ledger?.state.local === 'whole') this.guard?.disarm();
  }

  /** @returns {Record<import('./closes.js').Way, () => Promise<boolean>>} */
  ways() {
    const go = async (/** @type {string | undefined} */ url) => {
      location.assign(url ?? '/');
      return true;
    };
    return {
      login: () => {
        this.trustCopy();
        return go(this.dataset.loginUrl);
      },
      list: () => go(this.dataset.listUrl),
      copy: () => this.copyText(),
      reload: async () => {
        this.trustCopy();
        location.reload();
        return true;
      },
      discard: async () => {
        await this.discard();
        return true;
      },
    };
  }
}

/**
 * @typedef {object} Parts
 * @property {import('./title.js').CollabTitle} collab-title
 * @property {import('./toolbar.js').CollabToolbar} collab-toolbar
 * @property {import('./link.js').CollabLink} collab-link
 * @property {import('./state.js').CollabState} collab-state
 * @property {import('./failure.js').CollabFailure} collab-failure
 * @property {import('./rights.js').CollabRights} collab-rights
 * @property {import('./people.js').CollabPeople} collab-people
 * @property {import('./find.js').CollabFind} collab-find
 * @property {import('./words.js').CollabWords} collab-words
 *
 * @typedef {{ anchor: unknown, head: unknown }} Cursor both Yjs relative positions as JSON
 */

/** @param {string} title of the document */
export function nameTab(title) {
  document.title = `${title.trim() || gettext('Untitled')} · Collab`;
}
