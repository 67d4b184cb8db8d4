/** How a dashboard is looked at: all of it or one panel alone, with its controls or as a kiosk. */

const STILL_MS = 3000;

/**
 * @param {HTMLElement} board
 * @param {import('./selection.js').Look} look
 */
export function applyLook(board, { kiosk, panel }) {
  const alone = panel ? document.getElementById(`panel-${panel}`) : null;
  board.toggleAttribute('data-kiosk', kiosk);
  board.toggleAttribute('data-alone', alone !== null);
  for (const each of board.querySelectorAll('.panel')) {
    each.classList.toggle('panel--alone', each === alone);
  }
}

/**
 * A kiosk nobody moves anything at hides the pointer and the way out.
 *
 * @param {HTMLElement} board
 * @param {AbortSignal} signal
 */
export function watchStillness(board, signal) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const moved = () => {
    clearTimeout(timer);
    board.removeAttribute('data-still');
    timer = setTimeout(() => board.toggleAttribute('data-still', true), STILL_MS);
  };
  for (const name of ['pointermove', 'pointerdown', 'keydown']) {
    window.addEventListener(name, moved, { signal, passive: true });
  }
  signal.addEventListener('abort', () => clearTimeout(timer));
}

/** Fill the screen, where the browser lets a page; without it a kiosk fills the window. */
export async function fillScreen() {
  try {
    await document.documentElement.requestFullscreen?.();
  } catch {
    // Only a press of the person's may ask for it, and some browsers never grant it.
  }
}

export async function leaveScreen() {
  if (document.fullscreenElement) await document.exitFullscreen().catch(() => {});
}
