/**
 * What the toolbar can do, by the `data-command` of its buttons.
 *
 * @typedef {import('@tiptap/core').Editor} Editor
 * @typedef {import('@tiptap/core').ChainedCommands} Chain
 *
 * @typedef {object} Command
 * @property {(chain: Chain) => Chain} apply
 * @property {(editor: Editor) => boolean} [isActive] for buttons that are pressed or not
 * @property {true} [isAlwaysUsable] do not ask the editor whether it can
 */

/** @type {Record<string, Command>} */
export const commands = {
  undo: { apply: (chain) => chain.undo() },
  redo: { apply: (chain) => chain.redo() },
  paragraph: {
    apply: (chain) => chain.setParagraph(),
    isActive: (editor) => editor.isActive('paragraph'),
  },
  heading1: heading(1),
  heading2: heading(2),
  heading3: heading(3),
  bold: { apply: (chain) => chain.toggleBold(), isActive: (editor) => editor.isActive('bold') },
  italic: {
    apply: (chain) => chain.toggleItalic(),
    isActive: (editor) => editor.isActive('italic'),
  },
  underline: {
    apply: (chain) => chain.toggleUnderline(),
    isActive: (editor) => editor.isActive('underline'),
  },
  strike: {
    apply: (chain) => chain.toggleStrike(),
    isActive: (editor) => editor.isActive('strike'),
  },
  code: { apply: (chain) => chain.toggleCode(), isActive: (editor) => editor.isActive('code') },
  bulletList: list((chain) => chain.toggleBulletList(), 'bulletList'),
  orderedList: list((chain) => chain.toggleOrderedList(), 'orderedList'),
  taskList: list((chain) => chain.toggleTaskList(), 'taskList'),
  blockquote: {
    apply: (chain) => chain.toggleBlockquote(),
    isActive: (editor) => editor.isActive('blockquote'),
  },
  codeBlock: {
    apply: (chain) => chain.toggleCodeBlock(),
    isActive: (editor) => editor.isActive('codeBlock'),
  },
  rule: { apply: (chain) => chain.setHorizontalRule() },
  table: { apply: (chain) => chain.insertTable({ rows: 3, cols: 3, withHeaderRow: true }) },
  rowBefore: { apply: (chain) => chain.addRowBefore() },
  rowAfter: { apply: (chain) => chain.addRowAfter() },
  rowDelete: { apply: (chain) => chain.deleteRow() },
  columnBefore: { apply: (chain) => chain.addColumnBefore() },
  columnAfter: { apply: (chain) => chain.addColumnAfter() },
  columnDelete: { apply: (chain) => chain.deleteColumn() },
  tableDelete: { apply: (chain) => chain.deleteTable() },
};

/** What a block can be turned into; each of these toggles. */
export const TURNS = [
  'heading1',
  'heading2',
  'heading3',
  'bulletList',
  'orderedList',
  'taskList',
  'blockquote',
  'codeBlock',
];

/**
 * Make the block at the selection what a name says, whatever it is now.
 *
 * @param {string} name `paragraph` or one of `TURNS`
 * @param {Chain} chain
 */
export const turnInto = (name, chain) =>
  name === 'paragraph' ? chain.clearNodes() : commands[name].apply(chain.clearNodes());

/**
 * Put a block where the selection is; a line of text becomes it, a list's item stays one.
 *
 * @param {string} name
 * @param {Chain} chain
 */
export const insertBlock = (name, chain) =>
  TURNS.includes(name) || name === 'paragraph'
    ? turnInto(name, chain)
    : commands[name].apply(chain);

/**
 * @param {1 | 2 | 3} level
 * @returns {Command}
 */
function heading(level) {
  return {
    apply: (chain) => chain.toggleHeading({ level }),
    isActive: (editor) => editor.isActive('heading', { level }),
  };
}

/**
 * In a heading the editor says that it cannot make a list, because a dry run does not clear the
 * heading first; the real one does.
 *
 * @param {Command['apply']} apply
 * @param {string} node
 * @returns {Command}
 */
function list(apply, node) {
  return { apply, isActive: (editor) => editor.isActive(node), isAlwaysUsable: true };
}
