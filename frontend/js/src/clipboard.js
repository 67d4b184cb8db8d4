/** Put a document on the clipboard, as plain text, and as rich text if it is one. */

/**
 * @param {string} text
 * @param {string} [html]
 * @returns {Promise<boolean>} whether the clipboard took it
 */
export async function copyOut(text, html) {
  /** @type {Record<string, string>} */
  const forms = { 'text/plain': text };
  if (html !== undefined) forms['text/html'] = html;
  try {
    const blobs = Object.entries(forms).map(([type, data]) => [type, new Blob([data], { type })]);
    await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
    return true;
  } catch {
    return copyByEvent(forms); // no secure context, or no permission
  }
}

/**
 * The old way, which works without https.
 *
 * @param {Record<string, string>} forms
 */
function copyByEvent(forms) {
  const fill = (/** @type {ClipboardEvent} */ event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    for (const [type, data] of Object.entries(forms)) event.clipboardData?.setData(type, data);
  };
  document.addEventListener('copy', fill, { capture: true, once: true });
  const done = document.execCommand('copy');
  document.removeEventListener('copy', fill, { capture: true });
  return done;
}
