/** A rich document's pieces to count: its blocks of text, which ProseMirror never alters. */

/**
 * @param {import('@tiptap/pm/state').EditorState} state
 * @param {boolean} isSelection
 * @returns {import('./tally.js').Piece[] | null} null when nothing is selected
 */
export function richPieces({ doc, selection }, isSelection) {
  if (isSelection && selection.empty) return null;
  const ranges = isSelection
    ? selection.ranges.map(({ $from, $to }) => [$from.pos, $to.pos])
    : [[0, doc.content.size]];
  /** @type {import('./tally.js').Piece[]} */
  const pieces = [];
  for (const [from, to] of ranges) {
    doc.nodesBetween(from, to, (node, position) => {
      if (!node.isTextblock) return true;
      const start = Math.max(0, from - position - 1);
      const end = Math.min(node.content.size, to - position - 1);
      const isWhole = start === 0 && end === node.content.size;
      const text = () => node.textBetween(start, end, '\n', '\n');
      pieces.push(isWhole ? { key: node, text } : { text });
      return false;
    });
  }
  return pieces;
}
