/** Blocks of code, with a chooser of the language and its colours. */
import { CodeBlock } from '@tiptap/extension-code-block';
import { highlighting } from './highlight.js';
import { LANGUAGES } from './languages.js';

export const CodeBlocks = CodeBlock.extend({
  addNodeView() {
    return ({ node, editor, getPos }) => new CodeBlockView(node, editor, getPos);
  },

  addProseMirrorPlugins() {
    return [...(this.parent?.() ?? []), highlighting()];
  },
});

/** The block's node view: the chooser lies over its corner. */
class CodeBlockView {
  /**
   * @param {import('@tiptap/pm/model').Node} node
   * @param {import('@tiptap/core').Editor} editor
   * @param {() => number | undefined} getPos
   */
  constructor(node, editor, getPos) {
    this.node = node;
    this.editor = editor;
    this.getPos = getPos;
    this.dom = document.createElement('div');
    this.dom.className = 'code-block';
    this.chooser = chooser();
    this.chooser.addEventListener('change', this.onChange);
    this.contentDOM = document.createElement('code');
    const pre = document.createElement('pre');
    pre.append(this.contentDOM);
    this.dom.append(this.chooser, pre);
    this.show();
    editor.on('transaction', this.lock);
  }

  /** @param {import('@tiptap/pm/model').Node} node */
  update(node) {
    if (node.type !== this.node.type) return false;
    this.node = node;
    this.show();
    return true;
  }

  show() {
    const language = String(this.node.attrs.language ?? '');
    if (![...this.chooser.options].some((option) => option.value === language)) {
      // Written by a program or another version: kept as it is.
      this.chooser.add(new Option(language, language));
    }
    this.chooser.value = language;
    this.lock();
  }

  lock = () => {
    this.chooser.disabled = !this.editor.isEditable;
  };

  onChange = () => {
    const pos = this.getPos();
    if (pos === undefined) return;
    const { state, view } = this.editor;
    const language = this.chooser.value || null;
    view.dispatch(state.tr.setNodeAttribute(pos, 'language', language));
  };

  /** @param {Event} event */
  stopEvent(event) {
    if (event instanceof KeyboardEvent && event.key === 'Escape') this.editor.view.focus();
    return event.target === this.chooser;
  }

  /** @param {import('@tiptap/pm/view').ViewMutationRecord} mutation */
  ignoreMutation(mutation) {
    return mutation.type !== 'selection' && !this.contentDOM.contains(mutation.target);
  }

  destroy() {
    this.editor.off('transaction', this.lock);
  }
}

function chooser() {
  const select = document.createElement('select');
  select.className = 'code-block__language';
  select.contentEditable = 'false';
  select.setAttribute('aria-label', gettext('Language of the code'));
  select.add(new Option(gettext('Plain text'), ''));
  for (const [value, name] of Object.entries(LANGUAGES)) select.add(new Option(name, value));
  return select;
}
