/** `<collab-image-panel>`: what a selected image is for those who do not see it, and its removal. */
import { NodeSelection } from '@tiptap/pm/state';
import { keepBeside } from './floating.js';

export class CollabImagePanel extends HTMLElement {
  listeners = new AbortController();
  /** @type {Element | null} the image on the page that this stands beside */
  beside = null;

  get field() {
    return /** @type {HTMLInputElement} */ (this.querySelector('input'));
  }

  /** @param {import('@tiptap/core').Editor} editor */
  bind(editor) {
    const { signal } = this.listeners;
    this.editor = editor;
    this.field.addEventListener('change', this.onChange, { signal });
    this.addEventListener('keydown', this.onKey, { signal });
    this.querySelector('button')?.addEventListener('click', this.onDelete, { signal });
    editor.on('transaction', this.show);
    signal.addEventListener('abort', () => editor.off('transaction', this.show), { once: true });
  }

  disconnectedCallback() {
    this.listeners.abort();
    this.stop?.();
  }

  enter() {
    this.field.focus();
    this.field.select();
  }

  /** @returns {NodeSelection | null} */
  get selected() {
    const { editor } = this;
    if (!editor || editor.isDestroyed || !editor.isEditable) return null;
    const { selection } = editor.state;
    const isImage = selection instanceof NodeSelection && selection.node.type.name === 'image';
    return isImage ? /** @type {NodeSelection} */ (selection) : null;
  }

  show = () => {
    const { editor, selected } = this;
    const dom = selected && editor ? editor.view.nodeDOM(selected.from) : null;
    const beside = dom instanceof Element ? dom : null;
    this.hidden = beside === null;
    if (selected && document.activeElement !== this.field) {
      this.field.value = selected.node.attrs.alt ?? '';
    }
    if (beside === this.beside) return;
    this.stop?.();
    this.beside = beside;
    this.stop = beside ? keepBeside(beside, this, 'bottom') : undefined;
  };

  onChange = () => {
    const { editor, selected } = this;
    if (!editor || !selected) return;
    const alt = this.field.value.trim() || null;
    const tr = editor.state.tr.setNodeAttribute(selected.from, 'alt', alt);
    editor.view.dispatch(tr.setSelection(NodeSelection.create(tr.doc, selected.from)));
  };

  /** @param {KeyboardEvent} event */
  onKey = (event) => {
    if (event.key !== 'Escape' && (event.key !== 'Enter' || event.target !== this.field)) return;
    event.preventDefault();
    this.onChange();
    this.editor?.commands.focus();
  };

  onDelete = () => {
    if (this.selected) this.editor?.chain().deleteSelection().focus().run();
  };
}
