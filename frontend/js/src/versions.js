/**
 * The history of a document: marks the version that is shown, says it, and writes times as the
 * person's clock has them.
 */
export class CollabVersions extends HTMLElement {
  #ended = new AbortController();

  connectedCallback() {
    this.#ended = new AbortController();
    const { signal } = this.#ended;
    document.addEventListener('htmx:after:swap', () => this.#refresh(), { signal });
    this.#refresh();
  }

  disconnectedCallback() {
    this.#ended.abort();
  }

  #refresh() {
    for (const time of this.querySelectorAll('time')) writeLocal(time);
    const panel = /** @type {HTMLElement | null} */ (this.querySelector('[data-version]'));
    if (!panel) return;
    for (const link of this.querySelectorAll('a[data-seq]')) {
      const isShown = link.getAttribute('data-seq') === panel.dataset.version;
      if (isShown) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
    const words = [...panel.querySelectorAll('.version__title, .version__sum')];
    const said = words.map((each) => each.textContent?.trim().replace(/\s+/g, ' ')).join('. ');
    const status = this.querySelector('[data-said]');
    if (status && status.textContent !== said) status.textContent = said;
  }
}

/** @param {HTMLTimeElement} time written by the server in its own zone */
function writeLocal(time) {
  const moment = new Date(time.dateTime);
  if (time.dataset.local || Number.isNaN(moment.getTime())) return;
  time.dataset.local = 'true';
  time.textContent = new Intl.DateTimeFormat(document.documentElement.lang || undefined, {
    dateStyle: 'medium',
    timeStyle: 'short',
  }).format(moment);
}

customElements.define('collab-versions', CollabVersions);
