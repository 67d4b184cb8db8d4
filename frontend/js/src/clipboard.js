/** Put a document on the clipboard, as rich text and as plain text. */
import { DOMSerializer } from '@tiptap/pm/model';

/**
 * @param {import('@tiptap/core').Editor} editor
 * @param {string} title
 * @returns {Promise<boolean>} whether the clipboard took it
 */
export async function copyOut(editor, title) {
  const html = htmlOf(editor, title);
  const text = `${title}\n\n${editor.getText()}`;
  try {
    const item = new ClipboardItem({
      'text/html': new Blob([html], { type: 'text/html' }),
      'text/plain': new Blob([text], { type: 'text/plain' }),
    });
    await navigator.clipboard.write([item]);
    return true;
  } catch {
    return copyByEvent(html, text); // no secure context, or no permission
  }
}

/**
 * @param {import('@tiptap/core').Editor} editor
 * @param {string} title
 */
function htmlOf({ schema, state }, title) {
  const box = document.createElement('div');
  const heading = document.createElement('h1');
  heading.textContent = title;
  box.append(heading, DOMSerializer.fromSchema(schema).serializeFragment(state.doc.content));
  // The browser checks what goes to the clipboard against the page's CSP: no style attributes.
  for (const element of box.querySelectorAll('[style]')) element.removeAttribute('style');
  return box.innerHTML;
}

/**
 * The old way, which works without https.
 *
 * @param {string} html
 * @param {string} text
 */
function copyByEvent(html, text) {
  const fill = (/** @type {ClipboardEvent} */ event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    event.clipboardData?.setData('text/html', html);
    event.clipboardData?.setData('text/plain', text);
  };
  document.addEventListener('copy', fill, { capture: true, once: true });
  const done = document.execCommand('copy');
  document.removeEventListener('copy', fill, { capture: true });
  return done;
}
