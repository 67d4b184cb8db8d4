/**
 * `<collab-blocks>`: the handle beside the block under the pointer, and the menu of a block.
 *
 * The handle is dragged or pressed; the keyboard opens the menu of the block at the caret (Mod-/),
 * and so does the toolbar, for fingers.
 */
import { Extension } from '@tiptap/core';
import { TextSelection } from '@tiptap/pm/state';
import { BlockDrag } from './block-drag.js';
import { blockFor, duplicate, sharedOf, step } from './block-move.js';
import { blockAt, blockBeside, blockBy, elementOf } from './block-place.js';
import { turnInto } from './commands.js';
import { keepBeside } from './floating.js';

/** @typedef {import('./block-place.js').Block} Block */

/** Moving blocks by keys, and the key of the menu. */
export const BlockKeys = Extension.create({
  name: 'blockKeys',
  addKeyboardShortcuts() {
    return {
      'Alt-Shift-ArrowUp': ({ editor }) => step(editor, -1),
      'Alt-Shift-ArrowDown': ({ editor }) => step(editor, 1),
    };
  },
});

export class CollabBlocks extends HTMLElement {
  listeners = new AbortController();
  /** @type {import('yjs').XmlElement | null} under the pointer, or with an open menu */
  shared = null;

  get handle() {
    return /** @type {HTMLButtonElement} */ (this.querySelector('.blocks__handle'));
  }

  get menu() {
    return /** @type {HTMLElement} */ (this.querySelector('[role="menu"]'));
  }

  /** @returns {HTMLButtonElement[]} */
  get items() {
    /** @type {NodeListOf<HTMLButtonElement>} */
    const items = this.menu.querySelectorAll('[role="menuitem"]');
    return [...items].filter((item) => !item.closest('[data-for][hidden]'));
  }

  get block() {
    return this.editor && this.shared ? blockFor(this.editor, this.shared) : null;
  }

  /** @param {import('@tiptap/core').Editor} editor */
  bind(editor) {
    const { signal } = this.listeners;
    this.editor = editor;
    const page = editor.view.dom.closest('main') ?? editor.view.dom;
    page.addEventListener('pointermove', this.onMove, { signal });
    document.addEventListener('pointerleave', () => this.hideHandle(), { signal });
    addEventListener('scroll', () => this.hideHandle(), { signal, passive: true });
    this.handle.addEventListener('click', () => this.open(this.block, this.handle), { signal });
    this.menu.addEventListener('click', this.onClick, { signal });
    this.menu.addEventListener('keydown', this.onMenuKey, { signal });
    this.menu.addEventListener('focusout', this.onFocusOut, { signal });
    editor.view.dom.addEventListener('keydown', this.onKey, { signal });
    editor.on('update', this.follow);
    signal.addEventListener('abort', () => editor.off('update', this.follow), { once: true });
    const line = /** @type {HTMLElement} */ (this.querySelector('.blocks__line'));
    const drag = new BlockDrag(editor, line);
    drag.bind(this.handle, () => this.block, signal);
  }

  disconnectedCallback() {
    this.listeners.abort();
    this.close();
  }

  /** @param {PointerEvent} event */
  onMove = ({ clientY, pointerType, buttons }) => {
    const { editor } = this;
    if (!editor || editor.isDestroyed || !editor.isEditable) return;
    if (pointerType === 'touch' || buttons !== 0 || this.isOpen) return;
    const block = blockBeside(editor.view, clientY);
    const element = block && elementOf(editor.view, block);
    if (!block || !element) return this.hideHandle();
    this.shared = sharedOf(editor, block);
    this.place(element);
  };

  /** @param {HTMLElement} element */
  place(element) {
    const { handle } = this;
    handle.hidden = false;
    const box = element.getBoundingClientRect();
    const first = element.querySelector('p, label') ?? element;
    const { lineHeight, paddingTop } = getComputedStyle(first);
    const line = Number.parseFloat(lineHeight) || 24;
    const top = first.getBoundingClientRect().top + Number.parseFloat(paddingTop);
    // An item's number or bullet stands left of it.
    const left = element.matches('li')
      ? (element.parentElement?.getBoundingClientRect().left ?? 0)
      : box.left;
    const { width, height } = handle.getBoundingClientRect();
    handle.style.left = `${Math.round(left - width - 4)}px`;
    handle.style.top = `${Math.round(top + Math.min(line, box.height) / 2 - height / 2)}px`;
  }

  hideHandle() {
    if (!this.isOpen) this.handle.hidden = true;
  }

  /** After an edit the block may be elsewhere, or gone. */
  follow = () => {
    const { block, editor } = this;
    const element = block && editor && elementOf(editor.view, block);
    if (!element) {
      this.close();
      this.hideHandle();
    } else if (!this.handle.hidden) this.place(element);
  };

  get isOpen() {
    return !this.menu.hidden;
  }

  /** Open the menu of the block at the caret. */
  openHere = () => {
    const { editor } = this;
    if (!editor?.isEditable) return;
    const block = blockAt(editor.state.doc, editor.state.selection.from);
    const element = block && elementOf(editor.view, block);
    if (element) this.open(block, element);
  };

  /**
   * @param {Block | null} block
   * @param {Element} beside
   */
  open(block, beside) {
    if (!block || !this.editor?.isEditable) return;
    if (this.isOpen) return this.close();
    this.shared = sharedOf(this.editor, block);
    for (const part of this.menu.querySelectorAll('[data-for="text"]')) {
      part.toggleAttribute('hidden', block.node.isAtom || block.node.type.name === 'table');
    }
    this.menu.hidden = false;
    this.handle.setAttribute('aria-expanded', 'true');
    this.stop = keepBeside(
      beside,
      this.menu,
      beside === this.handle ? 'left-start' : 'bottom-start',
    );
    this.items[0]?.focus({ preventScroll: true });
  }

  close() {
    this.stop?.();
    this.stop = undefined;
    this.menu.hidden = true;
    this.handle.setAttribute('aria-expanded', 'false');
  }

  /** @param {FocusEvent} event */
  onFocusOut = ({ relatedTarget }) => {
    const isWithin = this.menu.contains(/** @type {Node | null} */ (relatedTarget));
    // A press on the handle closes it by itself.
    if (!isWithin && relatedTarget !== this.handle) this.close();
  };

  /** @param {KeyboardEvent} event */
  onKey = (event) => {
    if (event.key !== '/' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.openHere();
  };

  /** @param {KeyboardEvent} event */
  onMenuKey = (event) => {
    const { items } = this;
    const at = items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      this.close();
      this.editor?.commands.focus();
    } else if (to !== undefined) {
      event.preventDefault();
      items[(to + items.length) % items.length].focus();
    }
  };

  /** @param {Event} event */
  onClick = (event) => {
    const item = /** @type {Element} */ (event.target).closest('[role="menuitem"]');
    const { block, editor } = this;
    if (!(item instanceof HTMLElement) || !editor || !block) return;
    this.close();
    this.run(editor, block, item.dataset.do ?? '');
    editor.commands.focus();
  };

  /**
   * @param {import('@tiptap/core').Editor} editor
   * @param {Block} block
   * @param {string} name
   */
  run(editor, block, name) {
    if (name === 'up' || name === 'down') step(editor, name === 'up' ? -1 : 1, block);
    else if (name === 'duplicate') duplicate(editor, block);
    else if (name === 'delete') remove(editor, block);
    else turnInto(name, editor.chain().setTextSelection(inside(editor, block))).run();
  }
}

/**
 * The caret, if it is in the block; else its start.
 *
 * @param {import('@tiptap/core').Editor} editor
 * @param {Block} block
 */
function inside({ state: { doc, selection } }, { pos, node }) {
  const { from } = selection;
  const isIn = from > pos && from < pos + node.nodeSize;
  return isIn ? from : TextSelection.near(doc.resolve(pos + 1)).from;
}

/**
 * @param {import('@tiptap/core').Editor} editor
 * @param {Block} block
 */
function remove({ state, view }, { pos, node, path }) {
  const parent = blockBy(state.doc, path.slice(0, -1));
  const { tr } = state;
  if (state.doc.childCount === 1 && (path.length === 1 || parent?.node.childCount === 1)) {
    tr.replaceWith(0, state.doc.content.size, state.schema.nodes.paragraph.create());
  } else {
    tr.deleteRange(pos, pos + node.nodeSize);
  }
  view.dispatch(
    tr.setSelection(TextSelection.near(tr.doc.resolve(Math.min(pos, tr.doc.content.size)))),
  );
}
