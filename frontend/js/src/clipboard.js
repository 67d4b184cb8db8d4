/** Put a document on the clipboard, as rich text and as plain text. */

/**
 * @param {{ html: string, text: string }} content
 * @returns {Promise<boolean>} whether the clipboard took it
 */
export async function copyOut({ html, text }) {
  try {
    const item = new ClipboardItem({
      'text/html': new Blob([html], { type: 'text/html' }),
      'text/plain': new Blob([text], { type: 'text/plain' }),
    });
    await navigator.clipboard.write([item]);
    return true;
  } catch {
    return copyByEvent({ html, text }); // no secure context, or no permission
  }
}

/**
 * The old way, which works without https.
 *
 * @param {{ html: string, text: string }} content
 */
function copyByEvent({ html, text }) {
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
