/**
 * How many words and characters are in a text; no page, no editor.
 *
 * A word is what stands between spaces and has a letter or a digit in it, as word processors count:
 * "п'ять" and "well-known" are one. Chinese, Japanese, Thai and their like put no spaces between
 * words; there the browser's own knowledge of the language decides, if it has any. Characters are
 * code points without line breaks.
 *
 * @typedef {{ words: number, characters: number }} Tally
 *
 * @typedef {object} Piece a part of a text that no word goes beyond
 * @property {object} [key] the same object means the same text
 * @property {() => string} text
 */

const TOKEN = /\S+/gu;
const IN_WORDS = /[\p{L}\p{N}]/u;
const SPACELESS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** How long the page may be kept busy at a time. */
const SLICE_MS = 8;

const segmenter =
  'Segmenter' in Intl ? new Intl.Segmenter(undefined, { granularity: 'word' }) : null;

/**
 * @param {string} text
 * @returns {Tally}
 */
export function tallyOf(text) {
  let words = 0;
  for (const [token] of text.matchAll(TOKEN)) {
    if (!IN_WORDS.test(token)) continue;
    words += segmenter && SPACELESS.test(token) ? wordsIn(token, segmenter) : 1;
  }
  let characters = 0;
  for (const character of text) if (character !== '\n' && character !== '\r') characters += 1;
  return { words, characters };
}

/**
 * @param {string} token
 * @param {Intl.Segmenter} by
 */
function wordsIn(token, by) {
  let words = 0;
  for (const { isWordLike } of by.segment(token)) if (isWordLike) words += 1;
  return words;
}

/**
 * Count pieces a slice at a time, each piece with a key only once in its life.
 */
export class Counter {
  /** @type {WeakMap<object, Tally>} */
  known = new WeakMap();

  /**
   * @param {Piece[]} pieces
   * @param {() => Promise<void>} pause let the page do something else
   * @param {() => boolean} isWanted asked after each pause
   * @param {() => number} [now] in ms
   * @returns {Promise<Tally | null>} null when it was not wanted any longer
   */
  async count(pieces, pause, isWanted, now = () => performance.now()) {
    const sum = { words: 0, characters: 0 };
    let until = now() + SLICE_MS;
    for (const piece of pieces) {
      const { words, characters } = this.of(piece);
      sum.words += words;
      sum.characters += characters;
      if (now() < until) continue;
      await pause();
      if (!isWanted()) return null;
      until = now() + SLICE_MS;
    }
    return sum;
  }

  /** @param {Piece} piece */
  of({ key, text }) {
    const known = key && this.known.get(key);
    if (known) return known;
    const tally = tallyOf(text());
    if (key) this.known.set(key, tally);
    return tally;
  }
}
