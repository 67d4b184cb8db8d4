/** What every page needs: a logout that leaves nothing behind, and menus that close. */
import { attachHome } from './home.js';
import { LOGOUT } from './signals.js';
import './versions.js';
import { wipeCopies } from './wipe.js';

/** @param {SubmitEvent} event */
async function onLogout(event) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches('[data-logout]')) return;
  event.preventDefault();
  if (!window.dispatchEvent(new CustomEvent(LOGOUT, { cancelable: true }))) return;
  await wipeCopies();
  form.submit();
}

/** @param {Event} event a press elsewhere, or Escape, closes an open menu */
function closeMenus(event) {
  for (const menu of document.querySelectorAll('details[data-menu][open]')) {
    const isInside = event.target instanceof Node && menu.contains(event.target);
    if (event instanceof KeyboardEvent) {
      if (event.key !== 'Escape') continue;
      if (isInside) menu.querySelector('summary')?.focus();
    } else if (isInside) {
      continue;
    }
    menu.removeAttribute('open');
  }
}

document.addEventListener('submit', onLogout);
document.addEventListener('pointerdown', closeMenus);
document.addEventListener('keydown', closeMenus);
attachHome();
// htmx looks at the page once, which may be before its extension for sockets has come.
for (const box of document.querySelectorAll('[hx-ws\\:connect]')) htmx.process(box);
