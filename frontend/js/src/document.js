/** `<collab-editor>` of a rich document: one live document in Tiptap. */
import { Editor } from '@tiptap/core';
import { DOMSerializer } from '@tiptap/pm/model';
import { relativePositionToAbsolutePosition, ySyncPluginKey } from '@tiptap/y-tiptap';
import * as Y from 'yjs';
import { copyOut } from './clipboard.js';
import { extensions } from './extensions.js';
import { Finding, RichFinder } from './find-rich.js';
import { BODY, LiveDocument, nameTab } from './live.js';
import { fillTextBlocks } from './slots.js';
import { bindTools } from './tools.js';
import { undoOf } from './undo.js';
import { richPieces } from './words-rich.js';

export class CollabEditor extends LiveDocument {
  /**
   * @override
   * @param {import('./live.js').Binding} binding
   */
  bindText({ config, provider, title: text }) {
    const { doc } = this;
    const fragment = doc.getXmlFragment(BODY);
    const undoManager = undoOf(fragment, text);
    const editor = new Editor({
      element: this.querySelector('#editor'),
      editable: false,
      injectCSS: false,
      extensions: [...extensions({ fragment, undoManager, provider, user: config.user }), Finding],
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
    this.fragment = fragment;
    fillTextBlocks(doc, editor.schema);
    const title = this.piece('collab-title');
    title.addEventListener('titlechange', () => nameTab(title.shown));
    title.bind(text, undoManager, () => editor.commands.focus('start'));
    const link = this.piece('collab-link');
    link.bind(editor);
    bindTools(editor, config, link.open);
    this.piece('collab-find').bind(new RichFinder(editor, undoManager));
    const words = this.piece('collab-words');
    words.bind((isSelection) => richPieces(editor.state, isSelection));
    editor.on('transaction', words.touch);
  }

  /** @override */
  unbindText() {
    this.editor?.destroy();
    this.editor = undefined;
  }

  /**
   * @override
   * @param {boolean} isEditable
   */
  setEditable(isEditable) {
    const { editor, ledger } = this;
    if (editor && editor.isEditable !== isEditable) editor.setEditable(isEditable);
    const isOver = ledger?.state.canWrite !== true || ledger.state.failure !== null;
    this.piece('collab-toolbar').toggleAttribute('hidden', isOver);
    this.piece('collab-find').setEditable(isEditable);
  }

  /**
   * @override
   * @param {import('./live.js').Cursor} cursor
   */
  reveal({ head }) {
    const { doc, editor, fragment } = this;
    if (!editor || !fragment) return false;
    const { mapping } = ySyncPluginKey.getState(editor.state).binding;
    const position = relativePositionToAbsolutePosition(
      doc,
      fragment,
      Y.createRelativePositionFromJSON(head),
      mapping,
    );
    if (position === null) return false;
    const { node } = editor.view.domAtPos(Math.min(position, editor.state.doc.content.size));
    const element = node instanceof Element ? node : node.parentElement;
    element?.scrollIntoView({ block: 'center' });
    return true;
  }

  /** @override */
  async copyText() {
    const { editor } = this;
    if (!editor) return false;
    const title = this.piece('collab-title').shown;
    return copyOut(`${title}\n\n${editor.getText()}`, htmlOf(editor, title));
  }
}

/**
 * @param {Editor} editor
 * @param {string} title
 */
function htmlOf({ schema, state }, title) {
  const box = document.createElement('div');
  const heading = document.createElement('h1');
  heading.textContent = title;
  box.append(heading, DOMSerializer.fromSchema(schema).serializeFragment(state.doc.content));
  // The browser checks what goes to the clipboard against the page's CSP: no style attributes.
  for (const element of box.querySelectorAll('[style]')) element.removeAttribute('style');
  return box.innerHTML;
}
