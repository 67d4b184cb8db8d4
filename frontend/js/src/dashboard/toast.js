/** A line that says what was done, and takes it back. */

const SHOWN_MS = 8000;

export class Toast {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer = undefined;

  /**
   * @param {HTMLElement} board
   * @param {import('yjs').UndoManager} undo
   */
  constructor(board, undo) {
    this.undo = undo;
    this.element = /** @type {HTMLElement} */ (board.querySelector('.toast'));
    this.element.addEventListener('click', this.onClick);
    undo.on(
      'stack-item-added',
      ({ type }) => type === 'undo' && this.depth !== null && this.hide(),
    );
  }

  /** How many steps there were when undoing was offered; null while it is not. */
  depth = /** @type {number | null} */ (null);

  /** @param {string} text */
  offerUndo(text) {
    this.show(text, true);
    this.depth = this.undo.undoStack.length;
  }

  /** @param {string} text */
  say(text) {
    this.show(text, false);
  }

  /**
   * @param {string} text
   * @param {boolean} isUndoable
   */
  show(text, isUndoable) {
    clearTimeout(this.timer);
    this.depth = null;
    const [words, button] = [
      this.element.querySelector('.toast__text'),
      this.element.querySelector('button'),
    ];
    if (words) words.textContent = text;
    button?.toggleAttribute('hidden', !isUndoable);
    this.element.hidden = false;
    this.timer = setTimeout(() => this.hide(), SHOWN_MS);
  }

  hide() {
    clearTimeout(this.timer);
    this.depth = null;
    this.element.hidden = true;
  }

  /** @param {MouseEvent} event */
  onClick = ({ target }) => {
    if (!(target instanceof Element) || !target.closest('button')) return;
    const isSame = this.depth === this.undo.undoStack.length;
    this.hide();
    if (isSame) this.undo.undo();
  };
}
