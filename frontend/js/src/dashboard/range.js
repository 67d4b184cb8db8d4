/** `<collab-range>`: from when to when, and in which time zone. */
import { isLive, lengthOf, spanOf } from './selection.js';
import { instant, isZone, local, minute, zones } from './zones.js';

const SHORTEST_MS = 1000;
const LONGEST_MS = 20 * 366 * 86_400_000;

export class CollabRange extends HTMLElement {
  /**
   * @param {import('./view.js').View} view
   * @param {() => [number, number]} shown what is on the screen, Unix ms
   * @param {AbortSignal} signal
   */
  bind(view, shown, signal) {
    this.view = view;
    this.shown = shown;
    view.addEventListener('selection', this.update, { signal });
    this.addEventListener('submit', this.onSubmit, { signal });
    this.menu.addEventListener('toggle', () => this.fill(), { signal });
    this.zone.addEventListener('change', this.onZone, { signal });
    this.update();
  }

  get menu() {
    return /** @type {HTMLDetailsElement} */ (this.querySelector('details'));
  }

  get zone() {
    return /** @type {HTMLSelectElement} */ (this.querySelector('#range-zone'));
  }

  /** @param {'from' | 'to'} name */
  field(name) {
    return /** @type {HTMLInputElement} */ (this.querySelector(`#range-${name}`));
  }

  update = () => {
    if (!this.view) return;
    const { selection } = this.view;
    const words = /** @type {HTMLElement} */ (this.querySelector('.range__words'));
    words.textContent = this.wordsOf(selection);
    for (const preset of this.presets) {
      const isChosen = selection.to === 'now' && preset.value === selection.from;
      if (isChosen) preset.setAttribute('aria-current', 'true');
      else preset.removeAttribute('aria-current');
    }
  };

  get presets() {
    return /** @type {NodeListOf<HTMLButtonElement>} */ (this.querySelectorAll('.range__preset'));
  }

  /** @param {import('./selection.js').Selection} selection */
  wordsOf(selection) {
    const preset = [...this.presets].find(({ value }) => value === selection.from);
    if (preset && selection.to === 'now') return preset.textContent?.trim() ?? '';
    const length = /^now-(\d+)([smhdw])$/.exec(selection.from);
    if (length && selection.to === 'now') return lastWords(Number(length[1]), length[2]);
    const span = spanOf(selection);
    if (!span) return `${selection.from} – ${selection.to}`;
    return span.map((ms) => minute(ms, selection.tz)).join(' – ');
  }

  /** Put what is shown into the fields, when they are opened. */
  fill() {
    if (!this.menu.open || !this.view || !this.shown) return;
    const { tz } = this.view.selection;
    const [from, to] = this.shown();
    this.field('from').value = local(from, tz);
    this.field('to').value = local(to, tz);
    this.problem('');
    if (this.zone.options.length < 2) {
      this.zone.replaceChildren(
        ...zones().map((name) => new Option(name.replaceAll('_', ' '), name)),
      );
    }
    if (![...this.zone.options].some(({ value }) => value === tz))
      this.zone.add(new Option(tz, tz));
    this.zone.value = tz;
  }

  /** @param {SubmitEvent} event */
  onSubmit = (event) => {
    const { view } = this;
    if (!view) return;
    event.preventDefault();
    const preset = event.submitter;
    if (preset instanceof HTMLButtonElement && preset.name === 'from') {
      this.menu.open = false;
      return view.select({ from: preset.value, to: 'now' });
    }
    const { tz } = view.selection;
    const [from, to] = [this.field('from'), this.field('to')].map(({ value }) =>
      instant(value, tz),
    );
    if (from === null || to === null || to - from < SHORTEST_MS) {
      return this.problem(gettext('The end has to be after the beginning.'));
    }
    this.menu.open = false;
    view.select({ from: String(from), to: String(to) });
  };

  /** @param {string} text */
  problem(text) {
    const line = this.querySelector('#range-problem');
    if (line) line.textContent = text;
  }

  onZone = () => {
    if (!isZone(this.zone.value)) return;
    this.view?.select({ tz: this.zone.value });
    this.fill();
  };

  /**
   * Show an earlier or later part that is as long.
   *
   * @param {-1 | 1} way
   */
  step(way) {
    const [from, to] = this.shown?.() ?? [0, 0];
    const by = ((to - from) / 2) * way;
    this.show(from + by, to + by);
  }

  /** @param {number} times how much longer */
  stretch(times) {
    const { view } = this;
    if (!view) return;
    const length = lengthOf(view.selection);
    const [from, to] = this.shown?.() ?? [0, 0];
    if (length !== null && isLive(view.selection)) {
      const seconds = Math.round((length * times) / 1000);
      if (seconds >= 1 && seconds * 1000 <= LONGEST_MS) {
        view.select({ from: `now-${shortest(seconds)}`, to: 'now' });
      }
      return;
    }
    const middle = (from + to) / 2;
    const half = ((to - from) * times) / 2;
    this.show(middle - half, middle + half);
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  show(from, to) {
    if (to - from < SHORTEST_MS || to - from > LONGEST_MS) return;
    this.view?.select({ from: String(Math.max(Math.round(from), 0)), to: String(Math.round(to)) });
  }
}

/**
 * @param {number} seconds
 * @returns {string} in the largest unit that it is whole in
 */
function shortest(seconds) {
  if (seconds % 86_400 === 0) return `${seconds / 86_400}d`;
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

/**
 * @param {number} count
 * @param {string} unit
 */
function lastWords(count, unit) {
  const names = /** @type {Record<string, string>} */ ({
    s: 'second',
    m: 'minute',
    h: 'hour',
    d: 'day',
    w: 'week',
  });
  const format = new Intl.NumberFormat(document.documentElement.lang || undefined, {
    style: 'unit',
    unit: names[unit],
    unitDisplay: 'long',
  });
  return interpolate(gettext('Last %s'), [format.format(count)]);
}
