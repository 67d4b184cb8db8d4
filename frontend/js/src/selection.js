/**
 * Keep the caret where Yjs says that it is.
 *
 * After a change by others y-tiptap restores the selection by its position in Yjs, and then doubts
 * that: a caret at the start of a block, as in an empty list item or table cell, is put back to its
 * old place counted from the top, so an item added above moves it into a neighbour. The doubt is
 * meant for blocks that were moved, which Yjs sees as deleted and made anew. So it is left to those.
 *
 * A click moves the browser's selection at once, and ProseMirror hears of it a task later. What
 * others write may be drawn in between, and ProseMirror sets its own selection again a moment after
 * it got the focus: either took the caret back to where it was. So it is told before.
 */
import { Extension } from '@tiptap/core';
import { Plugin } from '@tiptap/pm/state';
import { ySyncPluginKey } from '@tiptap/y-tiptap';
import * as Y from 'yjs';

/**
 * @typedef {object} Kept what y-tiptap remembers of the selection during a transaction
 * @property {Y.RelativePosition | null} anchor
 * @property {Y.RelativePosition | null} head
 * @property {number | null} absAnchor counted from the top; null keeps y-tiptap from doubting
 * @property {number | null} absHead
 */

/** Of frames with what others wrote, as y-websocket numbers its handlers. */
const SYNC = 0;

export const KeptSelection = Extension.create({
  name: 'keptSelection',
  // After the extension that makes the binding.
  priority: 50,

  addOptions: () => ({
    provider: /** @type {import('y-websocket').WebsocketProvider | null} */ (null),
  }),

  addProseMirrorPlugins() {
    const { provider } = this.options;
    return [
      new Plugin({
        props: {
          handleDOMEvents: {
            focus: (view) => {
              // ProseMirror sets its own after 20 ms.
              setTimeout(() => hearSelection(view));
            },
          },
        },
        view: (view) => {
          const { binding } = ySyncPluginKey.getState(view.state);
          if (provider) hearBefore(provider, view);
          /** @type {Kept | null} */
          let trusted = null;
          const trust = () => {
            const kept = binding.beforeTransactionSelection;
            if (kept === null || kept === trusted) return;
            trusted = trusting(kept, binding.doc);
            binding.beforeTransactionSelection = trusted;
          };
          binding.doc.on('beforeAllTransactions', trust);
          return { destroy: () => binding.doc.off('beforeAllTransactions', trust) };
        },
      }),
    ];
  },
});

/**
 * Let the editor know where the browser's selection is, before the browser tells it.
 *
 * @param {import('@tiptap/pm/view').EditorView} view
 */
function hearSelection(view) {
  // ProseMirror has no public name for what it does when it hears of a selection.
  if (!view.isDestroyed) /** @type {any} */ (view).domObserver.flush();
}

/**
 * @param {import('y-websocket').WebsocketProvider} provider
 * @param {import('@tiptap/pm/view').EditorView} view
 */
function hearBefore({ messageHandlers }, view) {
  const take = messageHandlers[SYNC];
  messageHandlers[SYNC] = (...frame) => {
    hearSelection(view);
    take(...frame);
  };
}

/**
 * @param {Kept} kept
 * @param {Y.Doc} doc
 * @returns {Kept} asked after the transaction, when it is known what has become of the blocks
 */
function trusting(kept, doc) {
  return {
    ...kept,
    get absAnchor() {
      return isAlive(kept.anchor, doc) ? null : kept.absAnchor;
    },
    get absHead() {
      return isAlive(kept.head, doc) ? null : kept.absHead;
    },
  };
}

/**
 * Is the block that a position is in still there?
 *
 * @param {Y.RelativePosition | null} position
 * @param {Y.Doc} doc
 */
export function isAlive(position, doc) {
  if (position === null) return false;
  let type = Y.createAbsolutePositionFromRelativePosition(position, doc)?.type;
  if (type === undefined) return false;
  for (let item = type._item; item !== null; item = type._item) {
    if (item.deleted) return false;
    type = /** @type {Y.AbstractType<unknown>} */ (item.parent);
  }
  return true;
}
