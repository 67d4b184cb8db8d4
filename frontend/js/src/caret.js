/** Other people's carets and selections in the text. */

/** Awareness is written by others: a colour is a colour, or it is grey. */
const COLOUR = /^#[0-9a-f]{6}$/i;
const GREY = '#6b7280';

/** @param {unknown} value */
export const colourOf = (value) => (typeof value === 'string' && COLOUR.test(value) ? value : GREY);

/**
 * A caret with its owner's name.
 *
 * The colour goes in through the CSSOM: the page's CSP forbids style attributes.
 *
 * @param {Record<string, unknown>} user
 * @returns {HTMLElement}
 */
export function renderCaret(user) {
  const caret = document.createElement('span');
  caret.className = 'collaboration-carets__caret';
  caret.style.setProperty('--person', colourOf(user.color));
  const label = document.createElement('span');
  label.className = 'collaboration-carets__label';
  label.textContent = String(user.name ?? '').slice(0, 60);
  caret.append(label);
  return caret;
}

/**
 * @param {Record<string, unknown>} user
 * @returns {import('@tiptap/pm/view').DecorationAttrs} ProseMirror sets `style` through the CSSOM
 */
export const renderSelection = (user) => ({
  class: 'collaboration-carets__selection',
  style: `--person: ${colourOf(user.color)}`,
});
