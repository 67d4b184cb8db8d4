/**
 * The home page beyond what HTMX does: its dialog, where the focus goes when the list is swapped,
 * and what is said when an action fails.
 */

/** Where the person was when they chose an action: the row, and its place in the list. */
let chosen = { id: '', at: 0 };

/** @returns {HTMLDialogElement | null} */
const dialog = () => document.querySelector('dialog#dialog');

/** @param {Event} event */
function noteRow(event) {
  const row = event.target instanceof Element ? event.target.closest('li[id]') : null;
  if (!row?.parentElement) return;
  chosen = { id: row.id, at: [...row.parentElement.children].indexOf(row) };
}

/** Put the focus where the person goes on: the same row, the one in its place, or the heading. */
function focusRow() {
  const same = document.getElementById(chosen.id)?.querySelector('summary');
  const rows = document.querySelectorAll('#rows > li');
  const next = rows[Math.min(chosen.at, rows.length - 1)]?.querySelector('a');
  const heading = document.getElementById('home-title');
  (same ?? next ?? heading)?.focus();
}

/** @param {Event} event */
function onClick(event) {
  if (!(event.target instanceof Element)) return;
  if (event.target.closest('.shelf__menu .menu__item')) {
    noteRow(event);
    event.target.closest('details')?.removeAttribute('open');
  }
  if (event.target.closest('[data-close]') && dialog()?.open) {
    event.preventDefault();
    dialog()?.close();
  }
}

/** @param {Event} event of HTMX, whose detail has the request's context */
function onSwapped(event) {
  const { ctx } = /** @type {CustomEvent} */ (event).detail;
  const box = dialog();
  if (!box) return;
  if (ctx?.target === box) {
    if (!box.open) box.showModal();
    const field = box.querySelector('[autofocus]');
    if (field instanceof HTMLInputElement) field.select();
  } else if (ctx?.request?.method === 'POST') {
    if (box.open) box.close();
    if (document.activeElement === document.body) focusRow();
  }
}

/** Say that an action failed, and leave the page as it is. */
function onFailed() {
  const notice = document.getElementById('notice');
  if (!notice) return;
  dialog()?.close();
  const line = document.createElement('div');
  line.className = 'notice';
  line.textContent = gettext('This did not work. Look at your connection and try again.');
  notice.replaceChildren(line);
}

/** @param {Event} event the page of an error is not for the list */
function keepList(event) {
  const { ctx } = /** @type {CustomEvent} */ (event).detail;
  if ((ctx?.response?.raw?.status ?? 0) >= 400) {
    event.preventDefault();
    onFailed();
  }
}

/** Attach to the home page; on other pages there is nothing to do. */
export function attachHome() {
  if (!dialog()) return;
  document.addEventListener('click', onClick);
  document.addEventListener('htmx:after:swap', onSwapped);
  document.addEventListener('htmx:before:swap', keepList);
  document.addEventListener('htmx:error', onFailed);
  dialog()?.addEventListener('close', () => {
    if (!document.activeElement?.checkVisibility()) focusRow();
  });
}
