/** `<collab-words>`: how many words and characters the document has, or the selection. */
import { Counter } from './tally.js';

/** @typedef {import('./tally.js').Tally} Tally */

/** Who types reads no numbers: they follow at the next rest. */
const REST_MS = 400;

export class CollabWords extends HTMLElement {
  counter = new Counter();
  /** Counts that were begun; only the newest one is shown. */
  begun = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer = undefined;

  /**
   * @param {(isSelection: boolean) => import('./tally.js').Piece[] | null} piecesOf the document's,
   *   or the selection's, which is null when nothing is selected
   */
  bind(piecesOf) {
    this.piecesOf = piecesOf;
    this.touch();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.begun += 1;
  }

  /** Text or selection changed. */
  touch = () => {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.count(), REST_MS);
  };

  async count() {
    this.begun += 1;
    const turn = this.begun;
    const all = await this.sum(false, turn);
    const selected = await this.sum(true, turn);
    if (all && turn === this.begun) this.textContent = textOf(all, selected);
  }

  /**
   * @param {boolean} isSelection
   * @param {number} turn
   * @returns {Promise<Tally | null>}
   */
  async sum(isSelection, turn) {
    if (turn !== this.begun) return null;
    const pieces = this.piecesOf?.(isSelection);
    return pieces ? this.counter.count(pieces, rest, () => turn === this.begun) : null;
  }
}

/** @returns {Promise<void>} */
const rest = () =>
  new Promise((resolve) => {
    if ('requestIdleCallback' in window) requestIdleCallback(() => resolve(), { timeout: 200 });
    else setTimeout(resolve, 16);
  });

/**
 * @param {Tally} all
 * @param {Tally | null} selected
 */
function textOf(all, selected) {
  const words = selected
    ? partText(
        ngettext('%(part)s of %(all)s word', '%(part)s of %(all)s words', all.words),
        selected.words,
        all.words,
      )
    : allText(ngettext('%(all)s word', '%(all)s words', all.words), all.words);
  const characters = selected
    ? partText(
        ngettext('%(part)s of %(all)s character', '%(part)s of %(all)s characters', all.characters),
        selected.characters,
        all.characters,
      )
    : allText(ngettext('%(all)s character', '%(all)s characters', all.characters), all.characters);
  return `${words} · ${characters}`;
}

/** @param {number} value */
const shown = (value) => value.toLocaleString(document.documentElement.lang || undefined);

/**
 * @param {string} format
 * @param {number} all
 */
const allText = (format, all) => interpolate(format, { all: shown(all) }, true);

/**
 * @param {string} format
 * @param {number} part
 * @param {number} all
 */
const partText = (format, part, all) =>
  interpolate(format, { part: shown(part), all: shown(all) }, true);
