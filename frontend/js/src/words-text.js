/** A plain text's pieces to count: the leaves of CodeMirror's text, which it never alters. */

/** @typedef {import('./tally.js').Piece} Piece */

/**
 * @param {import('@codemirror/state').EditorState} state
 * @param {boolean} isSelection
 * @returns {Piece[] | null} null when nothing is selected
 */
export function textPieces({ doc, selection }, isSelection) {
  if (!isSelection) return piecesBetween(doc, 0, doc.length);
  const ranges = selection.ranges.filter((range) => !range.empty);
  if (ranges.length === 0) return null;
  return ranges.flatMap(({ from, to }) => piecesBetween(doc, from, to));
}

/**
 * @param {import('@codemirror/state').Text} text
 * @param {number} from
 * @param {number} to
 * @returns {Piece[]}
 */
function piecesBetween(text, from, to) {
  if (text.children === null) {
    if (from <= 0 && to >= text.length) return [{ key: text, text: () => text.toString() }];
    return [{ text: () => text.sliceString(from, to) }];
  }
  /** @type {Piece[]} */
  const pieces = [];
  let start = 0;
  for (const child of text.children) {
    const end = start + child.length;
    if (from <= end && to >= start) {
      pieces.push(
        ...piecesBetween(child, Math.max(0, from - start), Math.min(child.length, to - start)),
      );
    }
    start = end + 1; // the line break between two children
  }
  return pieces;
}
