/**
 * `<collab-bubble>`: the tools for a selection, above it.
 *
 * Not where fingers select: there the system shows its own menu at the same place.
 */
import { TextSelection } from '@tiptap/pm/state';
import { keepBeside, placeIn } from './floating.js';
import { CollabToolbar } from './toolbar.js';

export class CollabBubble extends CollabToolbar {
  /** While the pointer selects. */
  isPressed = false;
  /** The selection that it stands beside. */
  shownFor = '';
  /** Escape closes it for this selection. */
  dismissed = '';

  /**
   * @override
   * @param {import('@tiptap/core').Editor} editor
   * @param {Record<string, () => void>} openers
   */
  bind(editor, openers) {
    super.bind(editor, openers);
    const { signal } = this.listeners;
    const dom = editor.view.dom;
    editor.on('focus', this.update);
    editor.on('blur', this.update);
    signal.addEventListener('abort', () =>
      editor.off('focus', this.update).off('blur', this.update),
    );
    dom.addEventListener('pointerdown', () => this.press(true), { signal });
    addEventListener('pointerup', () => this.press(false), { signal });
    addEventListener('pointercancel', () => this.press(false), { signal });
    dom.addEventListener('keydown', this.onEscape, { signal });
    this.addEventListener('focusout', this.update, { signal });
  }

  /** @override */
  disconnectedCallback() {
    super.disconnectedCallback();
    this.stop?.();
  }

  /** @override */
  show() {
    const { editor } = this;
    if (!editor || editor.isDestroyed) return;
    this.place(this.isWanted(editor));
    if (!this.hasAttribute('hidden')) super.show();
  }

  /** @param {import('@tiptap/core').Editor} editor */
  isWanted({ state, isEditable, view }) {
    const { selection } = state;
    const { from, to, $from } = selection;
    if (this.dismissed !== `${from}-${to}`) this.dismissed = '';
    return (
      isEditable &&
      !this.isPressed &&
      this.dismissed === '' &&
      selection instanceof TextSelection &&
      state.doc.textBetween(from, to).trim() !== '' &&
      !$from.parent.type.spec.code &&
      matchMedia('(hover: hover)').matches &&
      (view.hasFocus() || this.contains(document.activeElement))
    );
  }

  /** @param {boolean} isShown */
  place(isShown) {
    const { editor } = this;
    if (!editor) return;
    const { from, to } = editor.state.selection;
    const shownFor = isShown ? `${from}-${to}` : '';
    if (shownFor === this.shownFor) return;
    this.shownFor = shownFor;
    this.toggleAttribute('hidden', !isShown);
    this.stop?.();
    this.stop = isShown
      ? keepBeside(
          placeIn(editor, () => editor.state.selection),
          this,
          'top',
        )
      : undefined;
  }

  /** @param {boolean} isPressed */
  press(isPressed) {
    this.isPressed = isPressed;
    this.update();
  }

  /** @param {KeyboardEvent} event */
  onEscape = (event) => {
    if (event.key !== 'Escape' || this.hasAttribute('hidden') || !this.editor) return;
    const { from, to } = this.editor.state.selection;
    this.dismissed = `${from}-${to}`;
    this.update();
  };
}
