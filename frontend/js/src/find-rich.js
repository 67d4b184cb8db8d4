/**
 * Find and replace in a rich document. What a match is, prosemirror-search says; its plugin would
 * mark all of them anew whenever the selection moves, which takes seconds where there are thousands.
 */
import { Extension } from '@tiptap/core';
import { Plugin, PluginKey, TextSelection } from '@tiptap/pm/state';
import { Decoration, DecorationSet } from '@tiptap/pm/view';
import { SearchQuery } from 'prosemirror-search';

/** More matches are counted and walked through, and marked only around the selection. */
const MOST_MARKED = 1000;

/**
 * @typedef {{ from: number, to: number }} Match
 * @typedef {{ query: SearchQuery, matches: Match[], marks: DecorationSet }} Found matches in order
 * @typedef {import('@tiptap/pm/state').EditorState} EditorState
 */

/** @type {PluginKey<Found>} */
const key = new PluginKey('finding');

/** Finds, and marks what was found in the text. */
export const Finding = Extension.create({
  name: 'finding',
  addProseMirrorPlugins: () => [
    new Plugin({
      key,
      state: {
        /** @returns {Found} */
        init: () => ({ query: queryOf(), matches: [], marks: DecorationSet.empty }),
        /** @returns {Found} */
        apply(transaction, found, _before, state) {
          const query = transaction.getMeta(key) ?? found.query;
          if (query === found.query && (!query.valid || !movesIn(transaction))) return found;
          const isSame = query === found.query && !transaction.docChanged;
          const matches = isSame ? found.matches : matchesOf(query, state);
          return { query, matches, marks: marksOf(matches, state) };
        },
      },
      props: { decorations: (state) => key.getState(state)?.marks },
    }),
  ],
});

/** @param {import('@tiptap/pm/state').Transaction} transaction */
const movesIn = ({ docChanged, selectionSet }) => docChanged || selectionSet;

/**
 * A text that is searched as it stands. By prosemirror-search's own search for strings, matches
 * behind letters that change their length with their case ("İ") are off by that length; a regular
 * expression's are not.
 *
 * @param {import('./find.js').Query} [query]
 */
const queryOf = (query) =>
  new SearchQuery({
    search: query?.search.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&') ?? '',
    regexp: true,
    caseSensitive: query?.caseSensitive,
    wholeWord: query?.wholeWord,
  });

/**
 * @param {SearchQuery} query
 * @param {EditorState} state
 * @returns {Match[]}
 */
function matchesOf(query, state) {
  const matches = [];
  for (let from = 0; query.valid; ) {
    const match = query.findNext(state, from);
    if (!match) break;
    matches.push({ from: match.from, to: match.to });
    from = match.to;
  }
  return matches;
}

/**
 * @param {Match[]} matches
 * @param {EditorState} state
 */
function marksOf(matches, { doc, selection }) {
  const middle = indexFrom(matches, selection.from);
  const start = Math.max(0, Math.min(middle, matches.length) - MOST_MARKED / 2);
  const marks = matches.slice(start, start + MOST_MARKED).map(({ from, to }) => {
    const isActive = from === selection.from && to === selection.to;
    return Decoration.inline(from, to, { class: isActive ? 'match match--active' : 'match' });
  });
  return DecorationSet.create(doc, marks);
}

/**
 * @param {Match[]} matches
 * @param {number} position
 * @returns {number} of the first match that begins there or later; their number if none does
 */
function indexFrom(matches, position) {
  let low = 0;
  let high = matches.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (matches[middle].from < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @implements {Finder} */
export class RichFinder {
  origin = 0;
  replacement = '';

  /**
   * @param {import('@tiptap/core').Editor} editor
   * @param {import('yjs').UndoManager} undo
   */
  constructor(editor, undo) {
    this.editor = editor;
    this.undo = undo;
  }

  get matches() {
    return key.getState(this.editor.state)?.matches ?? [];
  }

  /** @returns {number} of the selected match; -1 if none is selected */
  get selected() {
    const { from, to } = this.editor.state.selection;
    const index = indexFrom(this.matches, from);
    const match = this.matches[index];
    return match?.from === from && match.to === to ? index : -1;
  }

  begin() {
    const { doc, selection } = this.editor.state;
    this.origin = selection.from;
    return doc.textBetween(selection.from, selection.to, '\n');
  }

  /** @param {import('./find.js').Query} query */
  look(query) {
    const { state, view } = this.editor;
    this.replacement = query.replace;
    view.dispatch(state.tr.setMeta(key, queryOf(query)));
  }

  first() {
    this.select(indexFrom(this.matches, this.origin));
  }

  next() {
    const { from, empty } = this.editor.state.selection;
    this.select(indexFrom(this.matches, empty ? from : from + 1));
  }

  previous() {
    const { length } = this.matches;
    this.select((indexFrom(this.matches, this.editor.state.selection.from) + length - 1) % length);
  }

  /** @param {number} index the one behind the last is the first */
  select(index) {
    const { state, view } = this.editor;
    const match = this.matches[index] ?? this.matches[0];
    if (!match) return;
    view.dispatch(state.tr.setSelection(TextSelection.create(state.doc, match.from, match.to)));
    // The editor scrolls to its selection only while it has the focus.
    view.dom
      .querySelector('.match--active')
      ?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  replace() {
    const match = this.matches[this.selected];
    if (!match) return this.next();
    this.put([match]);
    const behind = match.from + this.replacement.length;
    this.select(indexFrom(this.matches, behind));
  }

  replaceAll() {
    this.undo.stopCapturing();
    this.put(this.matches);
    this.undo.stopCapturing();
  }

  /** @param {Match[]} matches in order */
  put(matches) {
    const { state, view } = this.editor;
    const { tr } = state;
    for (const { from, to } of matches.toReversed()) {
      const marks = state.doc.resolve(from).marksAcross(state.doc.resolve(to));
      if (this.replacement === '') tr.delete(from, to);
      else tr.replaceWith(from, to, state.schema.text(this.replacement, marks));
    }
    view.dispatch(tr);
  }

  count() {
    return { at: this.selected + 1, of: this.matches.length };
  }

  focus() {
    this.editor.view.focus();
  }

  /**
   * @param {() => void} changed
   * @param {AbortSignal} signal
   */
  watch(changed, signal) {
    this.editor.on('transaction', changed);
    signal.addEventListener('abort', () => this.editor.off('transaction', changed), { once: true });
  }
}

/** @typedef {import('./find.js').Finder} Finder */
