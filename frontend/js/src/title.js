/**
 * `<collab-title>`: a one-line field bound to the `Y.Text` of the title.
 *
 * An edit becomes the smallest change of the shared text, so that two people can type in it at
 * once. While an input method composes, what others write waits: replacing the field's value would
 * end the composition.
 */
import { TITLE_ORIGIN } from './origins.js';
import { editOf, movedBy } from './textdiff.js';

export class CollabTitle extends HTMLElement {
  listeners = new AbortController();
  /** What the field shows of the shared text. */
  shown = '';

  /** @returns {HTMLTextAreaElement} */
  get field() {
    return /** @type {HTMLTextAreaElement} */ (this.querySelector('textarea'));
  }

  /**
   * @param {import('yjs').Text} text
   * @param {import('yjs').UndoManager} undo
   * @param {() => void} onEnter the person is done with the title
   */
  bind(text, undo, onEnter) {
    const { field } = this;
    const { signal } = this.listeners;
    this.text = text;
    this.undo = undo;
    this.onEnter = onEnter;
    text.observe(this.onShared);
    signal.addEventListener('abort', () => text.unobserve(this.onShared), { once: true });
    field.addEventListener('input', this.onInput, { signal });
    field.addEventListener('compositionend', this.onInput, { signal });
    field.addEventListener('beforeinput', this.onBeforeInput, { signal });
    field.addEventListener('keydown', this.onKey, { signal });
    field.addEventListener('focus', () => undo.stopCapturing(), { signal });
  }

  /** The shared text has arrived: until now the field showed what the server rendered. */
  begin() {
    this.show(this.text?.toString() ?? '');
  }

  /** @param {boolean} editable */
  setEditable(editable) {
    this.field.readOnly = !editable;
  }

  disconnectedCallback() {
    this.listeners.abort();
  }

  /**
   * @param {string} value
   * @param {(caret: number) => number} [move]
   */
  show(value, move = (caret) => caret) {
    const { field } = this;
    const { selectionStart, selectionEnd, selectionDirection } = field;
    this.shown = value;
    if (field.value !== value) field.value = value;
    this.dataset.value = value;
    if (document.activeElement === field) {
      field.setSelectionRange(move(selectionStart), move(selectionEnd), selectionDirection);
    }
    this.dispatchEvent(new Event('titlechange'));
  }

  /**
   * @param {import('yjs').YTextEvent} event
   * @param {import('yjs').Transaction} transaction
   */
  onShared = (event, transaction) => {
    if (transaction.origin === TITLE_ORIGIN || this.isComposing) return;
    this.show(event.target.toString(), (caret) => movedBy(caret, event.delta));
  };

  /** @param {Event} event */
  onInput = (event) => {
    this.isComposing = event instanceof InputEvent && event.isComposing;
    const { field } = this;
    this.dataset.value = field.value;
    if (this.isComposing) return;
    const value = this.clean(field.value);
    this.push(editOf(this.shown, value, field.selectionStart));
  };

  /**
   * @param {string} value of the field
   * @returns {string} as the shared text may have it
   */
  clean(value) {
    return value.replace(/[\r\n]+/g, ' ');
  }

  /** @param {import('./textdiff.js').Edit} edit of what the field showed */
  push({ index, remove, insert }) {
    const { text } = this;
    if (!text) return;
    const caret = this.field.selectionStart;
    // Others may have written while an input method composed: find the same place in their text.
    const late = editOf(this.shown, text.toString(), 0);
    const moved = (/** @type {number} */ at) =>
      movedBy(at, [{ retain: late.index }, { delete: late.remove }, { insert: late.insert }]);
    const from = moved(index);
    const to = Math.max(from, moved(index + remove));
    text.doc?.transact(() => {
      if (to > from) text.delete(from, to - from);
      if (insert) text.insert(from, insert);
    }, TITLE_ORIGIN);
    this.show(text.toString(), () => (from === index ? caret : from + insert.length));
  }

  /** @param {InputEvent} event */
  onBeforeInput = (event) => {
    if (event.inputType !== 'historyUndo' && event.inputType !== 'historyRedo') return;
    event.preventDefault();
    if (event.inputType === 'historyUndo') this.undo?.undo();
    else this.undo?.redo();
  };

  /** @param {KeyboardEvent} event */
  onKey = (event) => {
    if (event.isComposing) return;
    const key = event.key.toLowerCase();
    const isMod = (event.ctrlKey || event.metaKey) && !event.altKey;
    if (this.isDone(event)) {
      event.preventDefault();
      this.onEnter?.();
    } else if (isMod && (key === 'z' || key === 'y')) {
      event.preventDefault();
      if (this.field.readOnly) return;
      if (key === 'y' || event.shiftKey) this.undo?.redo();
      else this.undo?.undo();
    }
  };

  /**
   * @param {KeyboardEvent} event
   * @returns {boolean} whether the person goes on behind the field
   */
  isDone({ key, ctrlKey, metaKey }) {
    return key === 'Enter' || (key === 'ArrowDown' && !ctrlKey && !metaKey && this.isAtEnd());
  }

  isAtEnd() {
    return this.field.selectionStart === this.field.value.length;
  }
}
