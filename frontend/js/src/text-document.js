/** `<collab-editor>` of a plain text: one live document in CodeMirror, for Markdown and code. */
import { Compartment, EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import * as Y from 'yjs';
import { copyOut } from './clipboard.js';
import { TextFinder } from './find-text.js';
import { BODY, LiveDocument, nameTab } from './live.js';
import { TITLE_ORIGIN } from './origins.js';
import { languageOf, lookOf } from './text-language.js';
import { setup } from './text-setup.js';
import { textPieces } from './words-text.js';

export class CollabText extends LiveDocument {
  access = new Compartment();
  language = new Compartment();
  isEditable = false;
  look = '';

  /**
   * @override
   * @param {import('./live.js').Binding} binding
   */
  bindText({ config, provider, title: name }) {
    provider.awareness.setLocalStateField('user', config.user);
    const text = this.doc.getText(BODY);
    const undo = new Y.UndoManager([text, name], { trackedOrigins: new Set([TITLE_ORIGIN]) });
    const title = this.piece('collab-title');
    const view = new EditorView({
      parent: this.querySelector('#editor') ?? undefined,
      state: EditorState.create({
        doc: text.toString(),
        extensions: [
          setup({ text, awareness: provider.awareness, undo }),
          this.access.of(accessOf(false)),
          this.language.of(languageOf(title.field.value)),
          EditorView.updateListener.of(({ docChanged, selectionSet }) => {
            if (docChanged || selectionSet) this.piece('collab-words')?.touch();
          }),
          EditorView.scrollMargins.of(() => ({ top: this.covered, bottom: 60 })),
        ],
      }),
    });
    this.view = view;
    this.text = text;
    title.addEventListener('titlechange', () => {
      nameTab(title.shown);
      this.setLanguage(title.shown);
    });
    title.bind(name, undo, () => view.focus());
    this.piece('collab-find').bind(new TextFinder(view, undo));
    this.piece('collab-words').bind((isSelection) => textPieces(view.state, isSelection));
  }

  /** How much of the window's top lies under the bar. */
  get covered() {
    return this.querySelector('.top')?.getBoundingClientRect().height ?? 0;
  }

  /** @param {string} title its ending tells the language */
  setLanguage(title) {
    const look = lookOf(title);
    if (look === this.look) return;
    this.look = look;
    this.view?.dispatch({ effects: this.language.reconfigure(languageOf(title)) });
  }

  /** @override */
  unbindText() {
    this.view?.destroy();
    this.view = undefined;
  }

  /**
   * @override
   * @param {boolean} isEditable
   */
  setEditable(isEditable) {
    if (this.isEditable === isEditable) return;
    this.isEditable = isEditable;
    this.view?.dispatch({ effects: this.access.reconfigure(accessOf(isEditable)) });
    this.piece('collab-find').setEditable(isEditable);
  }

  /**
   * @override
   * @param {import('./live.js').Cursor} cursor
   */
  reveal({ head }) {
    const { doc, text, view } = this;
    const at = Y.createAbsolutePositionFromRelativePosition(
      Y.createRelativePositionFromJSON(head),
      doc,
    );
    if (!view || at === null || at.type !== text) return false;
    view.dispatch({ effects: EditorView.scrollIntoView(at.index, { y: 'center' }) });
    return true;
  }

  /** @override */
  async copyText() {
    if (!this.view) return false;
    return copyOut(`${this.piece('collab-title').shown}\n\n${this.view.state.doc}`);
  }
}

/** @param {boolean} isEditable */
const accessOf = (isEditable) => [
  EditorState.readOnly.of(!isEditable),
  EditorView.editable.of(isEditable),
];
