/** Find and replace in a rich document, by prosemirror-search. */
import { Extension } from '@tiptap/core';
import { Fragment, Slice } from '@tiptap/pm/model';
import { TextSelection } from '@tiptap/pm/state';
import {
  findNext,
  findPrev,
  getMatchHighlights,
  replaceAll,
  replaceNext,
  SearchQuery,
  search,
  setSearchState,
} from 'prosemirror-search';

/** Marks the matches in the text. */
export const Finding = Extension.create({
  name: 'finding',
  addProseMirrorPlugins: () => [search()],
});

/** A text that is searched as it stands, and put in as it stands: `$1` is no group. */
class PlainQuery extends SearchQuery {
  /** @param {import('./find.js').Query} query */
  constructor({ search: term, ...options }) {
    // By its own string search, matches behind letters that change their length with their case
    // ("İ") are off by that length; a regular expression's are not.
    super({ ...options, regexp: true, search: term.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&') });
  }

  /**
   * @override
   * @param {import('@tiptap/pm/state').EditorState} state
   * @param {import('prosemirror-search').SearchResult} match
   */
  getReplacements({ doc, schema }, { from, to }) {
    const marks = doc.resolve(from).marksAcross(doc.resolve(to));
    const content = this.replace === '' ? Fragment.empty : schema.text(this.replace, marks);
    return [{ from, to, insert: new Slice(Fragment.from(content), 0, 0) }];
  }
}

/** @implements {Finder} */
export class RichFinder {
  origin = 0;

  /**
   * @param {import('@tiptap/core').Editor} editor
   * @param {import('yjs').UndoManager} undo
   */
  constructor(editor, undo) {
    this.editor = editor;
    this.undo = undo;
  }

  begin() {
    const { doc, selection } = this.editor.state;
    this.origin = selection.from;
    return doc.textBetween(selection.from, selection.to, '\n');
  }

  /** @param {import('./find.js').Query} query */
  look(query) {
    const { state, view } = this.editor;
    view.dispatch(setSearchState(state.tr, new PlainQuery(query)));
  }

  first() {
    const { state, view } = this.editor;
    const near = state.doc.resolve(Math.min(this.origin, state.doc.content.size));
    view.dispatch(state.tr.setSelection(TextSelection.near(near)));
    this.run(findNext);
  }

  next() {
    this.run(findNext);
  }

  previous() {
    this.run(findPrev);
  }

  replace() {
    this.run(replaceNext);
  }

  replaceAll() {
    this.undo.stopCapturing();
    this.run(replaceAll);
    this.undo.stopCapturing();
  }

  /** @param {import('@tiptap/pm/state').Command} command */
  run(command) {
    const { state, view } = this.editor;
    command(state, view.dispatch);
    // The editor scrolls to its selection only while it has the focus.
    view.dom
      .querySelector('.ProseMirror-active-search-match')
      ?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  count() {
    const { state } = this.editor;
    const { from, to } = state.selection;
    const matches = getMatchHighlights(state).find();
    matches.sort((one, other) => one.from - other.from);
    const at = matches.findIndex((match) => match.from === from && match.to === to) + 1;
    return { at, of: matches.length };
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
