/**
 * Keep the caret where Yjs says that it is.
 *
 * After a change by others y-tiptap restores the selection by its position in Yjs, and then doubts
 * that: a caret at the start of a block, as in an empty list item or table cell, is put back to its
 * old place counted from the top, so an item added above moves it into a neighbour. The doubt is
 * meant for blocks that were moved, which Yjs sees as deleted and made anew. So it is left to those.
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

export const KeptSelection = Extension.create({
  name: 'keptSelection',
  // After the extension that makes the binding.
  priority: 50,

  addProseMirrorPlugins() {
    return [
      new Plugin({
        view: ({ state }) => {
          const { binding } = ySyncPluginKey.getState(state);
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
