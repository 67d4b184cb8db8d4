/** `<collab-failure>`: why the document cannot be saved, and the ways out. */
import { explain } from './closes.js';

/** @typedef {import('./closes.js').Way} Way */

export class CollabFailure extends HTMLElement {
  listeners = new AbortController();
  isShown = false;

  /**
   * @param {import('./ledger.js').Ledger} ledger
   * @param {Record<Way, () => Promise<boolean>>} actions what the buttons do, and whether it worked
   */
  bind(ledger, actions) {
    const { signal } = this.listeners;
    this.actions = actions;
    ledger.addEventListener('change', () => this.update(ledger.state), { signal });
    this.addEventListener('click', this.onClick, { signal });
  }

  disconnectedCallback() {
    this.listeners.abort();
  }

  /** @param {import('./saving.js').Saving} state */
  update({ failure, local }) {
    if (failure === null || this.isShown) return;
    const { text, ways } = explain(failure, local);
    const reason = document.createElement('p');
    reason.textContent = text;
    const row = document.createElement('div');
    row.className = 'actions';
    row.append(...ways.map(buttonOf));
    this.replaceChildren(reason, row);
    this.isShown = true;
    this.removeAttribute('hidden');
  }

  /** @param {Event} event */
  onClick = async (event) => {
    const button = /** @type {Element} */ (event.target).closest('button');
    const way = /** @type {Way | undefined} */ (button?.dataset.way);
    if (!button || !way || !this.actions) return;
    const worked = await this.actions[way]();
    if (way === 'copy') button.textContent = worked ? gettext('Copied') : gettext('Could not copy');
  };
}

/**
 * @param {Way} way
 * @param {number} index the first way is the one to take
 */
function buttonOf(way, index) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = index === 0 ? 'button button--primary' : 'button';
  button.dataset.way = way;
  button.textContent = labels()[way];
  return button;
}

/** @returns {Record<Way, string>} */
const labels = () => ({
  login: gettext('Log in again'),
  copy: gettext('Copy my text'),
  reload: gettext('Reload'),
  discard: gettext('Discard and reload'),
  list: gettext('All documents'),
});
