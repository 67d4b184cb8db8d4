/**
 * `<collab-people>`: the avatars of who is here, each a way to that person's cursor.
 *
 * The server renders the list once for all who are here, so what differs from page to page is said
 * here: who is oneself, and where the others are.
 */

/** How long a note stands under the avatars. */
const NOTE_MS = 4000;

/**
 * @typedef {import('./live.js').Cursor} Cursor
 *
 * @typedef {object} Words what is said when somebody was looked for
 * @property {string} found with their `name`
 * @property {string} nowhere with their `name`
 */

/** @returns {Words} */
const textWords = () => ({
  found: gettext('Here is the cursor of %(name)s.'),
  nowhere: gettext('%(name)s has no cursor in the text now.'),
});

/**
 * @param {Record<string, any>} state of somebody's presence
 * @returns {Cursor | null} null when it is nowhere
 */
const cursorIn = ({ cursor }) => (cursor?.head ? cursor : null);

export class CollabPeople extends HTMLElement {
  listeners = new AbortController();
  observer = new MutationObserver(() => this.markSelf());
  self = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer = undefined;

  /**
   * @param {string} self the id of the person whose page this is
   * @param {import('y-protocols/awareness').Awareness} awareness
   * @param {(cursor: any) => boolean} reveal scrolls to a place, if it is there
   * @param {(state: Record<string, any>) => unknown} [placeIn] a place in somebody's presence
   * @param {Words} [words]
   */
  bind(self, awareness, reveal, placeIn = cursorIn, words = textWords()) {
    const { signal } = this.listeners;
    this.self = self;
    this.awareness = awareness;
    this.reveal = reveal;
    this.placeIn = placeIn;
    this.words = words;
    this.addEventListener('click', this.onClick, { signal });
    this.addEventListener('mousedown', keepSelection, { signal });
    this.markSelf();
  }

  disconnectedCallback() {
    this.listeners.abort();
    this.observer.disconnect();
    clearTimeout(this.timer);
  }

  /** Oneself is no way to anywhere. Each list that arrives has to be told. */
  markSelf() {
    this.observer.disconnect();
    for (const button of this.querySelectorAll('[data-person]')) {
      if (/** @type {HTMLElement} */ (button).dataset.person !== this.self) continue;
      const name = /** @type {HTMLElement} */ (button).dataset.name ?? '';
      const label = interpolate(gettext('%(name)s (you)'), { name }, true);
      const words = button.querySelector('.hidden');
      if (words) words.textContent = label;
      button.setAttribute('title', label);
      button.setAttribute('aria-disabled', 'true');
    }
    this.observer.observe(this, {
      subtree: true,
      childList: true,
      attributeFilter: ['data-person', 'aria-disabled', 'title'],
    });
  }

  /** @param {Event} event */
  onClick = (event) => {
    const button = /** @type {Element} */ (event.target).closest('[data-person]');
    if (!(button instanceof HTMLElement) || button.dataset.person === this.self) return;
    const name = button.dataset.name ?? '';
    button.closest('details')?.removeAttribute('open');
    const isFound = this.placesOf(button.dataset.person ?? '').some((at) => this.reveal?.(at));
    const { found, nowhere } = this.words ?? textWords();
    this.note(interpolate(isFound ? found : nowhere, { name }, true), isFound);
  };

  /**
   * @param {string} person
   * @returns {unknown[]} of their tabs, the one that moved last first
   */
  placesOf(person) {
    const { awareness } = this;
    if (!awareness) return [];
    const movedAt = (/** @type {number} */ id) => awareness.meta.get(id)?.lastUpdated ?? 0;
    return [...awareness.getStates()]
      .filter(([id, { user }]) => id !== awareness.clientID && user?.id === person)
      .sort(([one], [other]) => movedAt(other) - movedAt(one))
      .flatMap(([, state]) => {
        const place = (this.placeIn ?? cursorIn)(state);
        return place ? [place] : [];
      });
  }

  /**
   * @param {string} text
   * @param {boolean} isQuiet the page shows it by itself: only who listens has to be told
   */
  note(text, isQuiet) {
    const line = /** @type {HTMLElement} */ (this.querySelector('[role="status"]'));
    clearTimeout(this.timer);
    line.classList.toggle('people__note--quiet', isQuiet);
    line.textContent = text;
    this.timer = setTimeout(() => line.replaceChildren(), NOTE_MS);
  }
}

/** @param {Event} event a press leaves caret and selection in the text */
function keepSelection(event) {
  if (event.target instanceof Element && event.target.closest('[data-person]')) {
    event.preventDefault();
  }
}
