/** `<collab-editor>`: one live document, put together from its parts. */
import { Editor } from '@tiptap/core';
import * as Y from 'yjs';
import { copyOut } from './clipboard.js';
import { NO_DOCUMENT, NO_RIGHT, OTHER_EPOCH } from './closes.js';
import { readConfig } from './config.js';
import { LocalCopy } from './copy.js';
import { extensions } from './extensions.js';
import { guardLeaving } from './leaving.js';
import { Ledger } from './ledger.js';
import { enter } from './room.js';
import { isAtRisk } from './saving.js';
import { fillTextBlocks } from './slots.js';
import { undoOf } from './undo.js';
import { within } from './within.js';

/** The document's parts in the CRDT; the server reads the same names. */
const BODY = 'body';
const TITLE = 'title';

/** Longer than most local copies take to load, shorter than people wait. */
const QUICK_MS = 2000;

export class CollabEditor extends HTMLElement {
  listeners = new AbortController();
  doc = new Y.Doc();
  isReady = false;
  isOver = false;

  connectedCallback() {
    const { doc } = this;
    const { signal } = this.listeners;
    const config = readConfig();
    const ledger = new Ledger(config.canWrite);
    this.canWrite = config.canWrite;
    this.ledger = ledger;
    this.copy = config.canWrite ? new LocalCopy(doc, config, (event) => ledger.note(event)) : null;
    const isLoaded = (/** @type {unknown} */ origin) => this.copy?.isSource(origin) ?? false;
    this.provider = enter({ config, doc, ledger, isLoaded, signal });
    this.guard = guardLeaving(ledger, signal);
    this.bindText(config);
    this.piece('collab-state').bind(ledger);
    this.piece('collab-failure').bind(ledger, this.ways());
    ledger.addEventListener('change', this.onChange, { signal });
    this.begin();
  }

  disconnectedCallback() {
    this.listeners.abort();
    this.editor?.destroy();
    this.copy?.close();
    this.doc.destroy();
  }

  /**
   * @template {keyof Parts} Name
   * @param {Name} name
   * @returns {Parts[Name]}
   */
  piece(name) {
    return /** @type {Parts[Name]} */ (document.querySelector(name));
  }

  /** @param {import('./config.js').Config} config */
  bindText(config) {
    const { doc, provider } = this;
    if (!provider) return;
    const fragment = doc.getXmlFragment(BODY);
    const text = doc.getText(TITLE);
    const undoManager = undoOf(fragment, text);
    const editor = new Editor({
      element: this.querySelector('#editor'),
      editable: false,
      injectCSS: false,
      extensions: extensions({ fragment, undoManager, provider, user: config.user }),
      editorProps: {
        // The caret stays clear of the bar and the tools above the text.
        scrollMargin: { top: 140, right: 0, bottom: 60, left: 0 },
        scrollThreshold: { top: 140, right: 0, bottom: 60, left: 0 },
        attributes: {
          role: 'textbox',
          'aria-multiline': 'true',
          'aria-label': gettext('Document'),
        },
      },
      onFocus: () => undoManager.stopCapturing(),
    });
    this.editor = editor;
    fillTextBlocks(doc, editor.schema);
    const title = this.piece('collab-title');
    title.addEventListener('titlechange', () => nameTab(title.shown));
    title.bind(text, undoManager, () => editor.commands.focus('start'));
    const link = this.piece('collab-link');
    link.bind(editor);
    this.piece('collab-toolbar').bind(editor, link.open);
  }

  /** Load the local copy first, if that is quick: one sync then brings both sides together. */
  async begin() {
    await within(this.copy?.open() ?? Promise.resolve(), QUICK_MS);
    if (this.listeners.signal.aborted) return;
    this.provider?.connect();
    this.onChange();
  }

  onChange = () => {
    if (!this.ledger) return;
    const { failure, synced } = this.ledger.state;
    // Typed into an empty page, text would come to stand before what the server has.
    if (!this.isReady && (synced || this.doc.store.clients.size > 0)) {
      this.isReady = true;
      this.toggleAttribute('data-ready', true);
      this.piece('collab-title').begin();
    }
    const isEditable = this.isReady && this.canWrite === true && failure === null;
    if (this.editor && this.editor.isEditable !== isEditable) this.editor.setEditable(isEditable);
    this.piece('collab-title').setEditable(isEditable);
    this.piece('collab-toolbar').toggleAttribute('hidden', !this.canWrite || failure !== null);
    if (failure !== null && !this.isOver) this.end(failure.code);
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
    if (!this.ledger || isAtRisk(this.ledger.state)) return;
    // Nothing here that the server lacks: what one may not see, or what is void, need not stay.
    if (code === NO_RIGHT || code === NO_DOCUMENT) await this.copy?.wipe();
    if (code === OTHER_EPOCH) await this.discard();
  }

  async discard() {
    await this.copy?.wipe();
    this.guard?.disarm();
    location.reload();
  }

  /** @returns {Record<import('./closes.js').Way, () => Promise<boolean>>} */
  ways() {
    const go = async (/** @type {string | undefined} */ url) => {
      location.assign(url ?? '/');
      return true;
    };
    return {
      login: () => {
        // The next visit of this page saves what this browser keeps.
        if (this.ledger?.state.local === 'whole') this.guard?.disarm();
        return go(this.dataset.loginUrl);
      },
      list: () => go(this.dataset.listUrl),
      copy: () => this.copyText(),
      reload: async () => {
        location.reload();
        return true;
      },
      discard: async () => {
        await this.discard();
        return true;
      },
    };
  }

  /** @returns {Promise<boolean>} */
  async copyText() {
    return this.editor !== undefined && copyOut(this.editor, this.piece('collab-title').shown);
  }
}

/**
 * @typedef {object} Parts
 * @property {import('./title.js').CollabTitle} collab-title
 * @property {import('./toolbar.js').CollabToolbar} collab-toolbar
 * @property {import('./link.js').CollabLink} collab-link
 * @property {import('./state.js').CollabState} collab-state
 * @property {import('./failure.js').CollabFailure} collab-failure
 */

/** @param {string} title of the document */
function nameTab(title) {
  document.title = `${title.trim() || gettext('Untitled')} · Collab`;
}
