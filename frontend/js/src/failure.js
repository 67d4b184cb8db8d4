/** `<collab-failure>`: why the document cannot go on as it was, and the ways out. */
import { documentWords, explain } from './closes.js';

/** @typedef {import('./closes.js').Way} Way */

/** What passes so quickly is not worth a word: acknowledgements that come after a demotion. */
const CALM_MS = 400;

export class CollabFailure extends HTMLElement {
  listeners = new AbortController();
  /** What is said; '' is nothing. */
  said = '';
  isFinal = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer = undefined;

  /**
   * @param {import('./ledger.js').Ledger} ledger
   * @param {Record<Way, () => Promise<boolean>>} actions what the buttons do, and whether it worked
   * @param {import('./closes.js').Words} [words]
   */
  bind(ledger, actions, words = documentWords()) {
    const { signal } = this.listeners;
    this.actions = actions;
    this.words = words;
    const update = () => {
      clearTimeout(this.timer);
      if (ledger.state.failure) this.update(ledger.state);
      else this.timer = setTimeout(() => this.update(ledger.state), CALM_MS);
    };
    ledger.addEventListener('change', update, { signal });
    this.addEventListener('click', this.onClick, { signal });
  }

  disconnectedCallback() {
    this.listeners.abort();
    clearTimeout(this.timer);
  }

  /** @param {import('./saving.js').Saving} state */
  update(state) {
    const explanation = explain(state, this.words);
    const said = explanation?.text ?? '';
    // A failure is final; what a wiped copy or a late acknowledgement changes is not told again.
    if (said === this.said || (this.isFinal && state.failure)) return;
    this.said = said;
    this.isFinal = state.failure !== null;
    this.hidden = explanation === null;
    if (explanation) this.show(explanation);
    else this.replaceChildren();
  }

  /** @param {import('./closes.js').Explanation} explanation */
  show({ text, ways, isCalm }) {
    const reason = document.createElement('p');
    reason.textContent = text;
    const row = document.createElement('div');
    row.className = 'actions';
    row.append(...ways.map((way, index) => buttonOf(way, index === 0, this.words)));
    this.classList.toggle('failure--calm', isCalm ?? false);
    this.replaceChildren(reason, row);
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
 * @param {boolean} isBest the first way is the one to take
 * @param {import('./closes.js').Words} [words]
 */
function buttonOf(way, isBest, words = documentWords()) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = isBest ? 'button button--primary' : 'button';
  button.dataset.way = way;
  button.textContent = labels(words)[way];
  return button;
}

/**
 * @param {import('./closes.js').Words} words
 * @returns {Record<Way, string>}
 */
const labels = ({ copy, list }) => ({
  login: gettext('Log in again'),
  copy,
  reload: gettext('Reload'),
  discard: gettext('Discard and reload'),
  list,
});
