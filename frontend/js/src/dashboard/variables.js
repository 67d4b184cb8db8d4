/** `<collab-variables>`: what stands for `$name` in the queries. */

const SOON_MS = 1500;
/** The choice of everything. */
const ALL = '*';

export class CollabVariables extends HTMLElement {
  /** What the server last said. */
  source = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer = undefined;

  /**
   * @param {import('./view.js').View} view
   * @param {AbortSignal} signal
   */
  bind(view, signal) {
    this.view = view;
    /** @type {Record<string, string[]>} what the server chose where the address says nothing */
    this.defaults = this.chosen;
    this.source = this.innerHTML;
    signal.addEventListener('abort', () => clearTimeout(this.timer));
    view.addEventListener('selection', this.update, { signal });
    this.addEventListener('change', this.onChange, { signal });
    this.update();
  }

  get boxes() {
    return [.../** @type {NodeListOf<HTMLElement>} */ (this.querySelectorAll('[data-variable]'))];
  }

  /** @returns {Record<string, string[]>} */
  get chosen() {
    return Object.fromEntries(this.boxes.map((box) => [box.dataset.variable ?? '', valuesIn(box)]));
  }

  /** @param {Event} event */
  onChange = ({ target }) => {
    const box = target instanceof Element ? target.closest('[data-variable]') : null;
    if (!(box instanceof HTMLElement) || !this.view) return;
    const name = box.dataset.variable ?? '';
    const { [name]: _before, ...others } = this.view.selection.variables;
    const values = valuesIn(box);
    // All unchecked means the same as nothing said: the default.
    this.view.select({ variables: values.length > 0 ? { ...others, [name]: values } : others });
  };

  /**
   * The layout has other variables: ask the server what they offer.
   *
   * @param {number} [wait] ms, beside the time in which others may follow
   */
  reloadSoon(wait = 0) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.reload(), SOON_MS + wait);
  }

  async reload() {
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok || !this.isConnected) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const found = page.querySelector('collab-variables');
    if (!found || found.innerHTML === this.source) return;
    this.source = found.innerHTML;
    this.replaceChildren(...found.childNodes);
    this.update();
  }

  update = () => {
    for (const box of this.boxes) {
      const name = box.dataset.variable ?? '';
      const values = this.view?.selection.variables[name] ?? this.defaults?.[name] ?? [];
      const select = box.querySelector('select');
      if (select) {
        if (
          values[0] !== undefined &&
          ![...select.options].some(({ value }) => value === values[0])
        ) {
          select.add(new Option(values[0], values[0]));
        }
        select.value = values[0] ?? select.value;
      }
      for (const choice of box.querySelectorAll('input')) {
        choice.checked = values.includes(choice.value);
      }
      const words = box.querySelector('.variable__chosen');
      if (words) words.textContent = wordsOf(values);
    }
  };
}

/** @param {HTMLElement} box */
function valuesIn(box) {
  const select = box.querySelector('select');
  if (select) return [select.value];
  return [...box.querySelectorAll('input')]
    .filter(({ checked }) => checked)
    .map(({ value }) => value);
}

/** @param {string[]} values */
const wordsOf = (values) =>
  values.length === 0 || values[0] === ALL ? gettext('all') : values.join(', ');
