/**
 * `<collab-suggest>`: a field, and a list of what could be in it (the combobox of the ARIA
 * Authoring Practices). What is chosen or typed fires `change` on the field, as any field does.
 *
 * With `data-list` the field holds several words with commas between them.
 */

const SOON_MS = 120;
const MOST = 50;
let count = 0;

/** @typedef {import('./metrics.js').Choice} Choice */

export class CollabSuggest extends HTMLElement {
  /** @type {(text: string) => Promise<Choice[]>} */
  source = async () => [];
  /** @type {Choice[]} */
  choices = [];
  at = -1;
  asked = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer = undefined;

  connectedCallback() {
    if (this.list) return;
    const { field } = this;
    count += 1;
    this.list = document.createElement('ul');
    this.list.className = 'suggest__list';
    this.list.id = `suggest-${count}`;
    this.list.hidden = true;
    this.list.setAttribute('role', 'listbox');
    this.list.setAttribute('aria-label', gettext('Suggestions'));
    this.append(this.list);
    const attributes = {
      role: 'combobox',
      autocomplete: 'off',
      spellcheck: 'false',
      'aria-autocomplete': 'list',
      'aria-expanded': 'false',
      'aria-controls': this.list.id,
    };
    for (const [name, value] of Object.entries(attributes)) field.setAttribute(name, value);
    field.addEventListener('focus', () => this.ask(0));
    field.addEventListener('input', () => this.ask(SOON_MS));
    field.addEventListener('blur', () => this.close());
    field.addEventListener('keydown', (event) => this.onKey(event));
    // The press leaves the focus in the field.
    this.list.addEventListener('pointerdown', (event) => event.preventDefault());
    this.list.addEventListener('click', ({ target }) => {
      const option = target instanceof Element ? target.closest('[role="option"]') : null;
      if (option instanceof HTMLElement) this.take(Number(option.dataset.at));
    });
  }

  get field() {
    return /** @type {HTMLInputElement} */ (this.querySelector('input'));
  }

  get isList() {
    return this.hasAttribute('data-list');
  }

  /** What of the field is being written. */
  get word() {
    const { value } = this.field;
    return (this.isList ? (value.split(',').pop() ?? '') : value).trim();
  }

  /** @param {number} wait */
  ask(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), wait);
  }

  async load() {
    const { word } = this;
    this.asked += 1;
    const turn = this.asked;
    /** @type {Choice[]} */
    let found = [];
    try {
      found = await this.source(word);
    } catch {
      // Without the list one can still type.
    }
    if (turn !== this.asked || document.activeElement !== this.field) return;
    const lower = word.toLowerCase();
    const taken = this.isList ? this.field.value.split(',').map((each) => each.trim()) : [];
    this.choices = found
      .filter(({ value }) => value.toLowerCase().includes(lower) && !taken.includes(value))
      .slice(0, MOST);
    if (this.choices.length === 1 && this.choices[0].value === word) this.choices = [];
    this.show();
  }

  show() {
    const { list } = this;
    if (!list) return;
    this.at = -1;
    list.replaceChildren(...this.choices.map((choice, at) => optionOf(choice, at, list.id)));
    list.hidden = this.choices.length === 0;
    this.field.setAttribute('aria-expanded', String(!list.hidden));
    this.field.removeAttribute('aria-activedescendant');
    if (!list.hidden) this.place(list);
  }

  /**
   * Where there is more room: below the field, or above it.
   *
   * @param {HTMLElement} list
   */
  place(list) {
    const { bottom, top } = this.field.getBoundingClientRect();
    const isAbove = innerHeight - bottom < 200 && top > innerHeight - bottom;
    list.classList.toggle('suggest__list--above', isAbove);
  }

  close() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.choices = [];
    this.show();
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const { key } = event;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      event.preventDefault();
      if (this.choices.length === 0) return this.ask(0);
      this.go(key === 'ArrowDown' ? 1 : -1);
    } else if (key === 'Enter' && this.at >= 0) {
      event.preventDefault();
      this.take(this.at);
    } else if (key === 'Escape' && this.choices.length > 0) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    }
  }

  /** @param {1 | -1} by */
  go(by) {
    const { length } = this.choices;
    this.at = (this.at + by + length) % length;
    for (const option of this.list?.children ?? []) {
      const isAt = option instanceof HTMLElement && Number(option.dataset.at) === this.at;
      option.setAttribute('aria-selected', String(isAt));
      if (!isAt) continue;
      option.scrollIntoView({ block: 'nearest' });
      this.field.setAttribute('aria-activedescendant', option.id);
    }
  }

  /** @param {number} at */
  take(at) {
    const choice = this.choices[at];
    if (!choice) return;
    const before = this.field.value
      .split(',')
      .slice(0, -1)
      .map((each) => each.trim());
    this.field.value = this.isList ? [...before, choice.value].join(', ') : choice.value;
    this.close();
    this.field.dispatchEvent(new Event('change', { bubbles: true }));
  }
}

/**
 * @param {Choice} choice
 * @param {number} at
 * @param {string} list
 */
function optionOf({ value, detail }, at, list) {
  const option = document.createElement('li');
  option.id = `${list}-${at}`;
  option.className = 'suggest__option';
  option.dataset.at = String(at);
  option.setAttribute('role', 'option');
  option.setAttribute('aria-selected', 'false');
  const word = document.createElement('span');
  word.textContent = value;
  option.append(word);
  if (detail) {
    const more = document.createElement('small');
    more.textContent = detail;
    option.append(more);
  }
  return option;
}
