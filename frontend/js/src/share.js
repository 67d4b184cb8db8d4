/** `<collab-share>`: opens the dialog whose content HTMX loads; and copies links to the clipboard. */
import { copyOut } from './clipboard.js';

const FAILED = () => gettext('This did not work. Look at your connection and try again.');

class CollabShare extends HTMLElement {
  listeners = new AbortController();

  connectedCallback() {
    const { signal } = this.listeners;
    this.querySelector('a')?.addEventListener('click', this.open, { signal });
  }

  disconnectedCallback() {
    this.listeners.abort();
  }

  /** @param {MouseEvent} event with a modifier key the link opens as the page that it also is */
  open = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const address = /** @type {HTMLAnchorElement} */ (event.currentTarget).href;
    this.querySelector('dialog')?.showModal();
    htmx.ajax('GET', address, { target: '#share', swap: 'outerHTML' });
  };
}

/**
 * @param {string} text
 * @param {boolean} [isProblem]
 */
function say(text, isProblem = false) {
  const notice = document.getElementById('share-notice');
  if (!notice) return;
  notice.classList.toggle('share__notice--problem', isProblem);
  notice.textContent = text;
}

/** @param {Event} event */
function isOurs(event) {
  const { ctx } = /** @type {CustomEvent} */ (event).detail;
  return ctx?.target instanceof Element && ctx.target.id === 'share';
}

/** @param {MouseEvent} event */
async function onClick(event) {
  const button = event.target instanceof Element ? event.target.closest('[data-copy]') : null;
  if (!(button instanceof HTMLElement)) return;
  const field = document.getElementById(button.dataset.copy ?? '');
  if (!(field instanceof HTMLInputElement)) return;
  field.select();
  const isCopied = await copyOut(field.value);
  button.focus();
  if (isCopied) say(gettext('The link is on the clipboard.'));
  else say(gettext('The clipboard is closed to this page. Copy the link from its field.'), true);
}

function showCopies() {
  for (const button of document.querySelectorAll('[data-copy]')) button.removeAttribute('hidden');
}

/** @param {Event} event the page of an error is not for the dialog; what cannot be is said in it */
function keepDialog(event) {
  if (!isOurs(event)) return;
  const status = /** @type {CustomEvent} */ (event).detail.ctx.response?.raw?.status ?? 0;
  if (status < 400) return;
  event.preventDefault();
  if (status === 403 || status === 404) say(gettext('You can no longer share it.'), true);
  else say(FAILED(), true);
}

/** @param {Event} event what had the focus may be gone: who works by keyboard goes on from here */
function onSwapped(event) {
  if (!isOurs(event)) return;
  showCopies();
  // Morphing keeps what was typed and chosen; it is done now, or was refused.
  for (const form of document.forms) if (form.closest('#share')) form.reset();
  const sure = document.getElementById('share-sure-no');
  if (sure) sure.focus();
  else if (document.activeElement === document.body || !document.activeElement?.isConnected) {
    (document.getElementById('share-heading') ?? document.getElementById('share-name'))?.focus();
  }
}

/** @param {Event} event */
function onFailed(event) {
  if (isOurs(event)) say(FAILED(), true);
}

document.addEventListener('click', onClick);
document.addEventListener('htmx:before:swap', keepDialog);
document.addEventListener('htmx:after:swap', onSwapped);
document.addEventListener('htmx:error', onFailed);
showCopies();
customElements.define('collab-share', CollabShare);
