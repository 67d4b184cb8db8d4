/** Mark panels whose newest number is older than it should be. */

/**
 * @param {HTMLElement} root
 * @param {() => number} now the server's time
 */
export function markStale(root, now) {
  for (const badge of /** @type {NodeListOf<HTMLElement>} */ (
    root.querySelectorAll('.panel__stale')
  )) {
    const values = badge.closest('.panel')?.querySelector('.values');
    const { newest = '', staleAfter = '' } = values instanceof HTMLElement ? values.dataset : {};
    const isStale =
      newest !== '' && staleAfter !== '' && now() - Number(newest) > Number(staleAfter);
    if (badge.hidden === isStale) badge.hidden = !isStale;
  }
}
