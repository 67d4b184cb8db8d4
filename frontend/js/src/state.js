/** `<collab-state>`: the line that says whether the document is saved. */
import { NO_DOCUMENT, NO_RIGHT, OLD_PAGE } from './closes.js';
import { nameOf } from './saving.js';

/**
 * "Saved" is shown when it has been true for this long. While somebody types, the line keeps saying
 * "Saving…" instead of going back and forth, and a screen reader reads it once per burst.
 */
const CALM_MS = 400;

export class CollabState extends HTMLElement {
  listeners = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer = undefined;

  /** @param {import('./ledger.js').Ledger} ledger */
  bind(ledger) {
    this.ledger = ledger;
    ledger.addEventListener('change', this.update, { signal: this.listeners.signal });
    this.update();
  }

  disconnectedCallback() {
    this.listeners.abort();
    clearTimeout(this.timer);
  }

  get line() {
    return /** @type {HTMLElement} */ (this.querySelector('#state'));
  }

  update = () => {
    if (!this.ledger) return;
    const name = nameOf(this.ledger.state);
    const isGood = name === 'saved' || name === 'offline';
    clearTimeout(this.timer);
    if (isGood && this.line.dataset.state === 'saving') {
      this.timer = setTimeout(() => this.showNow(), CALM_MS);
    } else {
      this.showNow();
    }
  };

  showNow() {
    if (!this.ledger) return;
    const { state } = this.ledger;
    this.show(nameOf(state), textOf(state));
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  show(name, text) {
    const { line } = this;
    if (line.dataset.state !== name) line.dataset.state = name;
    if (line.textContent !== text) line.textContent = text;
  }
}

/**
 * @param {import('./saving.js').Saving} state
 * @returns {string}
 */
export function textOf(state) {
  switch (nameOf(state)) {
    case 'failed':
      return failedText(state.failure);
    case 'readonly':
      return state.demoted ? gettext('You can only read now') : gettext('Read only');
    case 'saved':
      return gettext('Saved');
    case 'offline':
      return state.local === 'none'
        ? gettext('Offline - not kept: this browser stores nothing')
        : gettext('Offline - kept in this browser');
    case 'saving':
      // Whoever types without a pause must see the outage too.
      return state.link === 'down'
        ? gettext('Offline - saving in this browser…')
        : savingText(state.upload);
  }
}

/** @param {import('./saving.js').Failure | null} failure */
function failedText(failure) {
  switch (failure?.code) {
    case NO_RIGHT:
      return gettext('No longer shared with you');
    case NO_DOCUMENT:
      return gettext('No longer available');
    case OLD_PAGE:
      return gettext('Reload to go on');
    default:
      return gettext('Cannot be saved');
  }
}

/** @param {import('./saving.js').Saving['upload']} upload */
function savingText(upload) {
  if (upload === null || upload.total === 0) return gettext('Saving…');
  const percent = Math.floor((100 * upload.done) / upload.total);
  return interpolate(gettext('Saving… %(percent)s %'), { percent }, true);
}
