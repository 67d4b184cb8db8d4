/**
 * What a grammar found in a text, flat.
 *
 * @typedef {object} Span
 * @property {number} from in UTF-16 code units
 * @property {number} to
 * @property {string} name classes, outermost first
 */

/**
 * @param {import('hast').Root} tree
 * @returns {Span[]} in order, without those parts of the text that have no class
 */
export function coloursOf(tree) {
  /** @type {Span[]} */
  const spans = [];
  let at = 0;
  /** @type {(node: import('hast').RootContent, names: string[]) => void} */
  const walk = (node, names) => {
    if (node.type === 'text') {
      const from = at;
      at += node.value.length;
      if (names.length > 0) spans.push({ from, to: at, name: names.join(' ') });
    } else if (node.type === 'element') {
      const own = /** @type {string[]} */ (node.properties.className ?? []);
      for (const child of node.children) walk(child, [...names, ...own]);
    }
  };
  for (const child of tree.children) walk(child, []);
  return spans;
}
