/** Drag a block by its handle to between others. */
import { blockFor, isPossible, move, sharedOf } from './block-move.js';
import { blockBeside, blockBy, elementOf, isItem } from './block-place.js';

/** @typedef {import('./block-place.js').Block} Block */
/** @typedef {import('./block-move.js').Place} Place */

export class BlockDrag {
  /** @type {import('yjs').XmlElement | null} what is dragged; others may write around it */
  shared = null;

  /**
   * @param {import('@tiptap/core').Editor} editor
   * @param {HTMLElement} line shows where the block will go
   */
  constructor(editor, line) {
    this.editor = editor;
    this.line = line;
  }

  /**
   * @param {HTMLElement} handle
   * @param {() => Block | null} held the block beside the handle
   * @param {AbortSignal} signal
   */
  bind(handle, held, signal) {
    handle.addEventListener('dragstart', (event) => this.begin(event, held()), { signal });
    handle.addEventListener('dragend', () => this.end(), { signal });
    // Before ProseMirror, which would take it for a drag of text.
    const options = { signal, capture: true };
    document.addEventListener('dragover', this.onOver, options);
    document.addEventListener('drop', this.onDrop, options);
  }

  /**
   * @param {DragEvent} event
   * @param {Block | null} block
   */
  begin({ dataTransfer }, block) {
    const element = block && elementOf(this.editor.view, block);
    if (!block || !element || !dataTransfer) return;
    this.shared = sharedOf(this.editor, block);
    dataTransfer.effectAllowed = 'move';
    dataTransfer.setData('text/plain', block.node.textContent);
    dataTransfer.setDragImage(element, 0, 0);
  }

  get block() {
    return this.shared && blockFor(this.editor, this.shared);
  }

  end = () => {
    this.shared = null;
    this.line.hidden = true;
  };

  /** @param {DragEvent} event */
  onOver = (event) => {
    if (!this.shared) return;
    event.stopPropagation();
    const place = this.placeAt(event.clientY);
    this.line.hidden = place === null;
    if (!place) return;
    event.preventDefault();
    this.draw(place);
  };

  /** @param {DragEvent} event */
  onDrop = (event) => {
    if (!this.shared) return;
    event.preventDefault();
    event.stopPropagation();
    const { block } = this;
    const place = this.placeAt(event.clientY);
    this.end();
    if (block && place) move(this.editor, block, place);
    this.editor.commands.focus();
  };

  /**
   * @param {number} y
   * @returns {Place | null}
   */
  placeAt(y) {
    const { editor, block } = this;
    const found = blockBeside(editor.view, y);
    if (!found || !block) return null;
    const isOther = !isItem(block.node) || found.node.type !== block.node.type;
    const beside = isOther ? blockBy(editor.state.doc, found.path.slice(0, 1)) : found;
    const box = beside && elementOf(editor.view, beside)?.getBoundingClientRect();
    if (!beside || !box) return null;
    const place = { path: beside.path, isAfter: y > (box.top + box.bottom) / 2 };
    return isPossible(editor.state.doc, block, place) ? place : null;
  }

  /** @param {Place} place */
  draw({ path, isAfter }) {
    const block = blockBy(this.editor.state.doc, path);
    const box = block && elementOf(this.editor.view, block)?.getBoundingClientRect();
    if (!box) return;
    const { style } = this.line;
    style.left = `${Math.round(box.left)}px`;
    style.width = `${Math.round(box.width)}px`;
    style.top = `${Math.round(isAfter ? box.bottom + 4 : box.top - 7)}px`;
  }
}
