/** Keys for the whole page. They are single letters, so they rest while somebody types. */

/**
 * @param {import('./board.js').CollabDashboard} board
 * @param {AbortSignal} signal
 */
export function bindKeys(board, signal) {
  document.addEventListener('keydown', (event) => onKey(board, event), { signal });
}

/**
 * @param {import('./board.js').CollabDashboard} board
 * @param {KeyboardEvent} event
 */
function onKey(board, event) {
  const { target, key } = event;
  if (event.defaultPrevented || event.isComposing || !(target instanceof Element)) return;
  if (document.querySelector('dialog[open]')) return;
  if (key === 'Escape') {
    if (goBack(board)) event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(target)) return;
  const way = ways(board)[key.toLowerCase()];
  if (!way) return;
  event.preventDefault();
  way();
}

/**
 * @param {import('./board.js').CollabDashboard} board
 * @returns {Record<string, () => void>}
 */
function ways(board) {
  const range = board.control('collab-range');
  return {
    p: () => board.actions?.pause(),
    f: () => (board.view?.look.kiosk ? board.actions?.leave() : board.actions?.kiosk()),
    e: () => board.actions?.toggleEdit(),
    t: () => openRange(board),
    v: () => lookAtPointed(board),
    '?': () => board.actions?.all.help(''),
    '-': () => range.stretch(2),
    '+': () => range.stretch(0.5),
    '=': () => range.stretch(0.5),
  };
}

/** @param {Element} target */
const isTyping = (target) =>
  target.closest('input, textarea, select, [contenteditable="true"]') !== null;

/**
 * @param {import('./board.js').CollabDashboard} board
 * @returns {boolean} whether there was something to come back from
 */
function goBack({ view, editing, actions }) {
  if (document.querySelector('details[data-menu][open]')) return false;
  if (editing?.closeSheet()) return true;
  if (view?.zoomBack()) return true;
  if (!view?.look.kiosk && !view?.look.panel) return false;
  actions?.leave();
  return true;
}

/** @param {import('./board.js').CollabDashboard} board */
function openRange(board) {
  const { menu } = board.control('collab-range');
  menu.open = true;
  menu.querySelector('button')?.focus();
}

/** @param {import('./board.js').CollabDashboard} board */
function lookAtPointed(board) {
  const pointed = board.querySelector('.panel:hover, .panel:focus-within');
  const { panel = '' } = pointed instanceof HTMLElement ? pointed.dataset : {};
  if (panel || board.view?.look.panel)
    board.actions?.alone(panel || (board.view?.look.panel ?? ''));
}
