/**
 * Plain text edits, for the title: what was changed, and where a caret goes. All positions are in
 * UTF-16 units, as in `Y.Text` and in `selectionStart`.
 *
 * @typedef {{ index: number, remove: number, insert: string }} Edit
 * @typedef {{ retain?: number, insert?: unknown, delete?: number }[]} Delta
 */

/**
 * The smallest single replacement that makes `after` out of `before`.
 *
 * Where several would do ("aa" to "aaa"), the caret tells which one a person made: it stands behind
 * what was typed.
 *
 * @param {string} before
 * @param {string} after
 * @param {number} caret position in `after`
 * @returns {Edit}
 */
export function editOf(before, after, caret) {
  const longest = Math.min(before.length, after.length);
  // What is behind the caret stayed as it was, as far as it is equal.
  let tail = 0;
  const behind = Math.min(longest, after.length - caret);
  while (tail < behind && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  let head = 0;
  while (head < longest - tail && before[head] === after[head]) head += 1;
  while (tail < longest - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  if (splitsPair(before, head) || splitsPair(after, head)) head -= 1;
  if (splitsPair(before, before.length - tail) || splitsPair(after, after.length - tail)) tail -= 1;
  return {
    index: head,
    remove: before.length - head - tail,
    insert: after.slice(head, after.length - tail),
  };
}

/**
 * @param {string} text
 * @param {number} at
 * @returns {boolean} whether `at` is in the middle of a surrogate pair
 */
function splitsPair(text, at) {
  return (
    at > 0 && at < text.length && /^[\uD800-\uDBFF][\uDC00-\uDFFF]/.test(text.slice(at - 1, at + 1))
  );
}

/**
 * Where a caret goes when others change the text.
 *
 * @param {number} caret
 * @param {Delta} delta of a `Y.Text` event
 */
export function movedBy(caret, delta) {
  let at = 0;
  let moved = caret;
  for (const { retain = 0, insert, delete: removed = 0 } of delta) {
    at += retain;
    if (at > moved) break;
    if (typeof insert === 'string') {
      // Text put in right at the caret stays behind it: the person goes on before it.
      if (at < moved) moved += insert.length;
      at += insert.length;
    }
    moved -= Math.min(removed, Math.max(moved - at, 0));
  }
  return moved;
}
