/** `<collab-link>`: the dialog in which a link is made, changed or taken away. */
import { addressOf } from './address.js';

export class CollabLink extends HTMLElement {
  listeners = new AbortController();

  /** @param {import('@tiptap/core').Editor} editor */
  bind(editor) {
    const { signal } = this.listeners;
    this.editor = editor;
    this.form.addEventListener('submit', this.onSubmit, { signal });
    this.field.addEventListener('input', () => this.complain(''), { signal });
    this.button('remove').addEventListener('click', () => this.remove_(), { signal });
    this.button('cancel').addEventListener('click', () => this.dialog.close(), { signal });
    this.dialog.addEventListener('close', () => editor.commands.focus(), { signal });
    this.dialog.addEventListener('click', this.onBackdrop, { signal });
    editor.view.dom.addEventListener('keydown', this.onKey, { signal });
    editor.view.dom.addEventListener('click', this.onFollow, { signal });
  }

  disconnectedCallback() {
    this.listeners.abort();
  }

  get dialog() {
    return /** @type {HTMLDialogElement} */ (this.querySelector('dialog'));
  }

  get form() {
    return /** @type {HTMLFormElement} */ (this.querySelector('form'));
  }

  get field() {
    return /** @type {HTMLInputElement} */ (this.querySelector('input'));
  }

  /** @param {string} role */
  button(role) {
    return /** @type {HTMLButtonElement} */ (this.querySelector(`[data-role="${role}"]`));
  }

  open = () => {
    const { editor } = this;
    if (!editor?.isEditable) return;
    const { href } = editor.getAttributes('link');
    this.button('remove').hidden = !href;
    this.field.value = href ?? '';
    this.complain('');
    this.dialog.showModal();
    this.field.select();
  };

  /** @param {SubmitEvent} event */
  onSubmit = (event) => {
    event.preventDefault();
    const href = addressOf(this.field.value);
    if (href === null) {
      return this.complain(gettext('Enter a web address (https://…) or an e-mail address.'));
    }
    this.apply(href);
    this.dialog.close();
  };

  /** @param {string} href */
  apply(href) {
    const { editor } = this;
    if (!editor) return;
    const chain = editor.chain().extendMarkRange('link');
    if (editor.state.selection.empty && !editor.isActive('link')) {
      chain.insertContent({ type: 'text', text: href, marks: [{ type: 'link', attrs: { href } }] });
    } else {
      chain.setLink({ href });
    }
    chain.run();
  }

  remove_() {
    this.editor?.chain().extendMarkRange('link').unsetLink().run();
    this.dialog.close();
  }

  /** @param {string} text empty when all is well */
  complain(text) {
    const note = /** @type {HTMLElement} */ (this.querySelector('[role="alert"]'));
    note.textContent = text;
    this.field.setAttribute('aria-invalid', String(text !== ''));
  }

  /** @param {Event} event a click beside the dialog closes it */
  onBackdrop = (event) => {
    if (event.target === this.dialog) this.dialog.close();
  };

  /** @param {KeyboardEvent} event */
  onKey = (event) => {
    if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.open();
  };

  /** @param {MouseEvent} event a click places the caret; with Ctrl or Command it follows the link */
  onFollow = (event) => {
    const link = /** @type {Element} */ (event.target).closest('a[href]');
    if (!(link instanceof HTMLAnchorElement)) return;
    event.preventDefault();
    const isMeant = event.ctrlKey || event.metaKey || !this.editor?.isEditable;
    if (isMeant && link.href) window.open(link.href, '_blank', 'noopener,noreferrer');
  };
}
