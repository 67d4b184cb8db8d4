/** A field in the place of a panel's title; what is typed is written at once. */
import { words, write } from './layout.js';

/**
 * @param {HTMLElement} panel
 * @param {import('./layout.js').Shared} map
 * @param {import('yjs').UndoManager} undo
 */
export function rename(panel, map, undo) {
  const title = /** @type {HTMLElement} */ (panel.querySelector('.panel__title'));
  if (panel.querySelector('.panel__rename')) return;
  const field = document.createElement('input');
  const before = words(map.get('title'));
  field.className = 'panel__rename';
  field.value = before;
  field.maxLength = 300;
  field.setAttribute('aria-label', gettext('Title of the panel'));
  undo.stopCapturing();
  title.hidden = true;
  title.after(field);
  field.focus();
  field.select();
  field.addEventListener('input', () => write(map, { title: field.value }));
  let isOver = false;
  const end = () => {
    // Its removal takes the focus from it, which is an end, too.
    if (isOver) return;
    isOver = true;
    title.hidden = false;
    undo.stopCapturing();
    field.remove();
  };
  field.addEventListener('blur', end);
  field.addEventListener('keydown', (event) => {
    if (event.isComposing || (event.key !== 'Enter' && event.key !== 'Escape')) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === 'Escape') write(map, { title: before });
    end();
    /** @type {HTMLElement | null} */ (panel.querySelector('.panel__grip'))?.focus();
  });
}
