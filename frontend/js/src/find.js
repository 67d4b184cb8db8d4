/**
 * `<collab-find>`: the panel that finds and replaces, for any text that a `Finder` looks through.
 *
 * The browser's own search knows nothing of replacing, and nothing of text that the editor has not
 * put on the page. Who wants it still gets it: by the same keys once more, from inside the panel.
 *
 * @typedef {object} Query
 * @property {string} search
 * @property {string} replace
 * @property {boolean} caseSensitive
 * @property {boolean} wholeWord
 *
 * @typedef {{ at: number, of: number }} Count `at` is 1 for the first match, 0 beside all of them
 *
 * @typedef {object} Finder
 * @property {(query: Query) => void} look mark the matches; none are of an empty `search`
 * @property {() => void} first select the first match from where the caret was at `begin`
 * @property {() => void} next
 * @property {() => void} previous
 * @property {() => void} replace the selected match, and select the next one
 * @property {() => void} replaceAll in one step of undo
 * @property {() => Count} count
 * @property {() => string} begin the caret's place is where to look from; returns what is selected
 * @property {() => void} focus the text
 * @property {(changed: () => void, signal: AbortSignal) => void} watch text or selection changed
 */

/** A count that follows others' typing need not follow each letter. */
const CALM_MS = 150;
/** Longer selections are no search terms. */
const TERM_LENGTH = 100;

const isMac = () => /Mac|iPhone|iPad/.test(navigator.platform);

export class CollabFind extends HTMLElement {
  listeners = new AbortController();
  isEditable = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer = undefined;

  /** @param {Finder} finder */
  bind(finder) {
    const { signal } = this.listeners;
    this.finder = finder;
    this.form.addEventListener('submit', (event) => event.preventDefault(), { signal });
    this.addEventListener('input', this.onInput, { signal });
    this.addEventListener('click', this.onClick, { signal });
    this.addEventListener('keydown', this.onKey, { signal });
    document.addEventListener('keydown', this.onPageKey, { signal });
    for (const opener of document.querySelectorAll('[data-opens="find"]')) {
      opener.addEventListener('click', this.open, { signal });
    }
    finder.watch(this.onText, signal);
  }

  disconnectedCallback() {
    this.listeners.abort();
    clearTimeout(this.timer);
  }

  /** @param {boolean} editable readers find, and replace nothing */
  setEditable(editable) {
    this.isEditable = editable;
    for (const part of this.querySelectorAll('[data-for="writer"]')) {
      part.toggleAttribute('hidden', !editable);
    }
  }

  get form() {
    return /** @type {HTMLFormElement} */ (this.querySelector('form'));
  }

  get field() {
    return /** @type {HTMLInputElement} */ (this.form.elements.namedItem('search'));
  }

  open = () => {
    if (!this.finder) return;
    const term = this.finder.begin();
    if (term && term.length <= TERM_LENGTH && !term.includes('\n')) this.field.value = term;
    this.hidden = false;
    this.look();
    this.field.focus();
    this.field.select();
  };

  close() {
    if (this.hidden) return;
    this.hidden = true;
    this.finder?.look({ ...this.query, search: '' });
    this.finder?.focus();
  }

  /** @returns {Query} */
  get query() {
    const { elements } = this.form;
    const textOf = (/** @type {string} */ name) =>
      /** @type {HTMLInputElement} */ (elements.namedItem(name)).value;
    const isPressed = (/** @type {string} */ way) =>
      this.querySelector(`[data-way="${way}"]`)?.getAttribute('aria-pressed') === 'true';
    return {
      search: textOf('search'),
      replace: textOf('replace'),
      caseSensitive: isPressed('case'),
      wholeWord: isPressed('word'),
    };
  }

  look() {
    this.finder?.look(this.query);
    this.finder?.first();
    this.show();
  }

  show() {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.finder || this.hidden) return;
    const { at, of } = this.finder.count();
    const line = /** @type {HTMLElement} */ (this.querySelector('[role="status"]'));
    const text = this.field.value === '' ? '' : countText(at, of);
    if (line.textContent !== text) line.textContent = text;
    this.field.setAttribute('aria-invalid', String(this.field.value !== '' && of === 0));
  }

  onText = () => {
    if (!this.hidden) this.timer ??= setTimeout(() => this.show(), CALM_MS);
  };

  /** @param {Event} event */
  onInput = (event) => {
    if (event.target === this.field) this.look();
    else this.finder?.look(this.query);
  };

  /** @param {Event} event */
  onClick = (event) => {
    const button = /** @type {Element} */ (event.target).closest('button');
    const way = button?.dataset.way;
    if (!button || !way) return;
    if (way === 'case' || way === 'word') {
      button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'));
      this.look();
    } else {
      this.go(way);
    }
  };

  /** @param {string} way */
  go(way) {
    const { finder } = this;
    if (!finder) return;
    if (way === 'close') return this.close();
    if (way === 'next') finder.next();
    if (way === 'previous') finder.previous();
    if (way === 'replace' && this.isEditable) finder.replace();
    if (way === 'replace-all' && this.isEditable) finder.replaceAll();
    this.show();
  }

  /** @param {KeyboardEvent} event */
  onKey = (event) => {
    if (event.isComposing) return;
    if (event.key === 'Escape') {
      event.preventDefault();
      this.close();
    } else if (event.key === 'Enter' && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      if (event.target !== this.field) this.go('replace');
      else this.go(event.shiftKey ? 'previous' : 'next');
    }
  };

  /** @param {KeyboardEvent} event */
  onPageKey = (event) => {
    const isMod = isMac() ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
    if (!isMod || event.altKey || event.shiftKey || event.key.toLowerCase() !== 'f') return;
    // From inside the panel, or under a dialog, the keys are the browser's.
    const isInside = event.target instanceof Node && this.contains(event.target);
    if (isInside || document.querySelector('dialog[open]')) return;
    event.preventDefault();
    this.open();
  };
}

/**
 * @param {number} at
 * @param {number} of
 */
function countText(at, of) {
  if (of === 0) return gettext('No matches');
  if (at > 0) return interpolate(gettext('%(at)s of %(of)s'), { at, of }, true);
  return interpolate(ngettext('%(of)s match', '%(of)s matches', of), { of }, true);
}
