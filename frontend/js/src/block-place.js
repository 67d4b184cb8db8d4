/**
 * Blocks that can be moved as a whole: those of the document itself, and the items of lists.
 *
 * @typedef {import('@tiptap/pm/model').Node} Node
 *
 * @typedef {object} Block
 * @property {number} pos in front of it
 * @property {Node} node
 * @property {number[]} path its index in its parent, last, and those of its ancestors before it
 */

const ITEMS = ['listItem', 'taskItem'];

/** @param {Node} node */
export const isItem = (node) => ITEMS.includes(node.type.name);

/**
 * The innermost item, or else the block of the document, that a position is in.
 *
 * @param {Node} doc
 * @param {number} pos
 * @returns {Block | null} null between blocks
 */
export function blockAt(doc, pos) {
  const $pos = doc.resolve(pos);
  for (let depth = $pos.depth; depth > 0; depth -= 1) {
    if (depth === 1 || isItem($pos.node(depth))) return blockOf($pos, depth);
  }
  return $pos.nodeAfter ? { pos, node: $pos.nodeAfter, path: [$pos.index(0)] } : null;
}

/**
 * @param {import('@tiptap/pm/model').ResolvedPos} $pos
 * @param {number} depth 1 or more
 * @returns {Block}
 */
const blockOf = ($pos, depth) => ({
  pos: $pos.before(depth),
  node: $pos.node(depth),
  path: Array.from({ length: depth }, (_, above) => $pos.index(above)),
});

/**
 * @param {Node} doc
 * @param {number[]} path
 * @returns {Block | null} null when there is none
 */
export function blockBy(doc, path) {
  let node = doc;
  let pos = -1;
  for (const index of path) {
    if (index >= node.childCount) return null;
    pos += 1;
    for (let before = 0; before < index; before += 1) pos += node.child(before).nodeSize;
    node = node.child(index);
  }
  return { pos, node, path };
}

/**
 * The block that is drawn at a height of the window, however far left the pointer is.
 *
 * @param {import('@tiptap/pm/view').EditorView} view
 * @param {number} y
 * @returns {Block | null}
 */
export function blockBeside(view, y) {
  const { left, right } = view.dom.getBoundingClientRect();
  // Items of nested lists begin further right; the words of each are in its middle.
  for (const x of [(left + right) / 2, left + 48, left + 8]) {
    const found = view.posAtCoords({ left: x, top: y });
    if (!found) continue;
    const at = found.inside >= 0 && view.state.doc.nodeAt(found.inside)?.isAtom;
    const block = blockAt(view.state.doc, at ? found.inside : found.pos);
    if (block && isBeside(view, block, y)) return block;
  }
  return null;
}

/**
 * @param {import('@tiptap/pm/view').EditorView} view
 * @param {Block} block
 * @returns {HTMLElement | null}
 */
export function elementOf(view, { pos }) {
  const dom = view.nodeDOM(pos);
  return dom instanceof HTMLElement ? dom : null;
}

/**
 * @param {import('@tiptap/pm/view').EditorView} view
 * @param {Block} block
 * @param {number} y
 */
function isBeside(view, block, y) {
  const box = elementOf(view, block)?.getBoundingClientRect();
  return box !== undefined && y >= box.top - 12 && y <= box.bottom + 12;
}
