/**
 * Move and copy blocks in the shared document itself.
 *
 * The binding finds out what an editor changed by comparing. Two paragraphs that change places look
 * to it like two that were rewritten, and letters that others type into either at that moment end
 * up in the wrong one. Here only the moved block is made anew; its neighbours are not touched.
 */
import { NodeSelection, TextSelection } from '@tiptap/pm/state';
import { ySyncPluginKey } from '@tiptap/y-tiptap';
import * as Y from 'yjs';
import { blockAt, blockBy, isItem } from './block-place.js';
import { asOwnStep } from './undo.js';

/** @typedef {import('./block-place.js').Block} Block */
/** @typedef {import('@tiptap/core').Editor} Editor */

/**
 * @typedef {object} Place where a block goes
 * @property {number[]} path of the block that is there now
 * @property {boolean} isAfter behind it, not before it
 */

/**
 * Move the block at the caret among its siblings.
 *
 * @param {Editor} editor
 * @param {-1 | 1} way up or down
 * @param {Block | null} [block]
 * @returns {boolean} whether there was somewhere to go
 */
export function step(editor, way, block = blockAt(editor.state.doc, editor.state.selection.from)) {
  if (!block || !editor.isEditable) return false;
  const path = [...block.path.slice(0, -1), last(block.path) + way];
  if (last(path) < 0 || !blockBy(editor.state.doc, path)) return false;
  return move(editor, block, { path, isAfter: way > 0 });
}

/**
 * @param {Editor} editor
 * @param {Block} block
 * @param {Place} place not in the block itself; items go beside items of their kind, or between the
 *   document's blocks
 * @returns {boolean} false when it is there already, or cannot be
 */
export function move(editor, block, place) {
  const { doc } = editor.state;
  if (!isPossible(doc, block, place)) return false;
  const caret = editor.state.selection.from - block.pos;
  const isCaretIn = caret >= 0 && caret < block.node.nodeSize;
  const moved = change(editor, (root) => {
    const from = parentIn(root, block.path);
    const to = parentIn(root, place.path);
    const source = childAt(from, last(block.path));
    const target = childAt(to, last(place.path));
    const copy = source.clone();
    const emptied = from.length === 1 && isItem(block.node) ? from : null;
    from.delete(last(block.path), 1);
    const whole = isItem(block.node) && place.path.length === 1 ? listOf(from, copy) : copy;
    to.insert(indexOf(to, target) + (place.isAfter ? 1 : 0), [whole]);
    if (emptied instanceof Y.XmlElement) removeFrom(emptied);
    return copy;
  });
  if (isCaretIn && moved) putCaret(editor, moved, caret);
  return moved !== null;
}

/**
 * @param {import('@tiptap/pm/model').Node} doc
 * @param {Block} block
 * @param {Place} place
 */
export function isPossible(doc, { path, node }, place) {
  const beside = blockBy(doc, place.path);
  if (!beside || path.every((index, depth) => place.path[depth] === index)) return false;
  if (place.path.length === 1) return !leavesNothing(doc, path);
  const isSibling = String(path.slice(0, -1)) === String(place.path.slice(0, -1));
  return beside.node.type === node.type && (isSibling || !leavesNothing(doc, path));
}

/**
 * Would a quote or a cell be left without any block, which the schema forbids?
 *
 * @param {import('@tiptap/pm/model').Node} doc
 * @param {number[]} path of a block that goes elsewhere
 */
function leavesNothing(doc, path) {
  if (path.length < 3) return false;
  const list = blockBy(doc, path.slice(0, -1));
  const holder = blockBy(doc, path.slice(0, -2));
  return list?.node.childCount === 1 && holder?.node.childCount === 1;
}

/**
 * @param {Editor} editor
 * @param {Block} block
 */
export function duplicate(editor, block) {
  const copy = change(editor, (root) => {
    const parent = parentIn(root, block.path);
    const made = childAt(parent, last(block.path)).clone();
    parent.insert(last(block.path) + 1, [made]);
    return made;
  });
  if (copy) putCaret(editor, copy, block.node.isAtom ? 0 : 1);
}

/**
 * Change the shared document as the binding does, as one step of undo.
 *
 * @param {Editor} editor
 * @param {(root: Y.XmlFragment) => Y.XmlElement} edit
 * @returns {Y.XmlElement | null} what the edit gave; null when this page may not write
 */
function change(editor, edit) {
  if (!editor.isEditable) return null;
  const { type, doc } = ySyncPluginKey.getState(editor.state);
  /** @type {Y.XmlElement | null} */
  let made = null;
  asOwnStep(editor.state, () => {
    doc.transact(() => {
      made = edit(type);
    }, ySyncPluginKey);
  });
  return made;
}

/**
 * What a block is in the shared document: it stays the same while others write around it.
 *
 * @param {Editor} editor
 * @param {Block} block
 * @returns {Y.XmlElement}
 */
export const sharedOf = (editor, { path }) =>
  childAt(parentIn(ySyncPluginKey.getState(editor.state).type, path), last(path));

/**
 * @param {Editor} editor
 * @param {Y.XmlElement} shared
 * @returns {Block | null} null when it is gone
 */
export function blockFor(editor, shared) {
  return isThere(shared) ? blockBy(editor.state.doc, pathOf(shared)) : null;
}

/**
 * @param {Editor} editor
 * @param {Y.XmlElement} element
 * @param {number} offset from its start
 */
function putCaret(editor, element, offset) {
  const block = blockFor(editor, element);
  if (!block) return;
  const { tr, doc } = editor.state;
  const pos = Math.min(block.pos + offset, doc.content.size);
  const selection = block.node.isAtom
    ? NodeSelection.create(doc, block.pos)
    : TextSelection.near(doc.resolve(pos));
  editor.view.dispatch(tr.setSelection(selection).scrollIntoView());
}

/**
 * @param {Y.XmlFragment} root
 * @param {number[]} path
 * @returns {Y.XmlFragment | Y.XmlElement} the parent of what is there
 */
const parentIn = (root, path) =>
  path.slice(0, -1).reduce((parent, index) => childAt(parent, index), root);

/**
 * @param {Y.XmlFragment} parent
 * @param {number} index
 */
const childAt = (parent, index) => /** @type {Y.XmlElement} */ (parent.get(index));

/**
 * @param {Y.XmlFragment} parent
 * @param {Y.XmlElement} child
 */
const indexOf = (parent, child) => parent.toArray().indexOf(child);

/** @param {Y.XmlElement} element */
function removeFrom(element) {
  const parent = /** @type {Y.XmlFragment} */ (element.parent);
  parent.delete(indexOf(parent, element), 1);
}

/**
 * @param {Y.XmlFragment} list the one that the item was in
 * @param {Y.XmlElement} item
 */
function listOf(list, item) {
  const { nodeName } = /** @type {Y.XmlElement} */ (list);
  const made = new Y.XmlElement(nodeName);
  made.insert(0, [item]);
  return made;
}

/**
 * @param {Y.AbstractType<any>} type
 * @returns {boolean} whether neither it nor what it is in was deleted
 */
function isThere({ _item, parent }) {
  if (_item === null) return true;
  return !_item.deleted && parent !== null && isThere(parent);
}

/**
 * @param {Y.XmlElement} element
 * @returns {number[]}
 */
function pathOf(element) {
  const parent = /** @type {Y.XmlElement | Y.XmlFragment} */ (element.parent);
  const own = indexOf(parent, element);
  return parent instanceof Y.XmlElement ? [...pathOf(parent), own] : [own];
}

/** @param {number[]} path */
const last = (path) => path[path.length - 1];
