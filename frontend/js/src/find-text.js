/** Find and replace in a plain text, by CodeMirror's own search. */
import {
  closeSearchPanel,
  findNext,
  findPrevious,
  openSearchPanel,
  replaceAll,
  replaceNext,
  SearchQuery,
  setSearchQuery,
} from '@codemirror/search';
import { StateEffect } from '@codemirror/state';
import { EditorView } from '@codemirror/view';

/** @implements {Finder} */
export class TextFinder {
  origin = 0;
  query = new SearchQuery({ search: '' });

  /**
   * @param {EditorView} view
   * @param {import('yjs').UndoManager} undo
   */
  constructor(view, undo) {
    this.view = view;
    this.undo = undo;
  }

  begin() {
    const { from, to } = this.view.state.selection.main;
    this.origin = from;
    return this.view.state.sliceDoc(from, to);
  }

  /** @param {import('./find.js').Query} query */
  look(query) {
    const { view } = this;
    this.query = new SearchQuery({ ...query, literal: true });
    if (query.search === '') closeSearchPanel(view);
    else openSearchPanel(view);
    view.dispatch({ effects: setSearchQuery.of(this.query) });
  }

  first() {
    const { view } = this;
    view.dispatch({ selection: { anchor: Math.min(this.origin, view.state.doc.length) } });
    if (this.query.valid) findNext(view);
  }

  next() {
    if (this.query.valid) findNext(this.view);
  }

  previous() {
    if (this.query.valid) findPrevious(this.view);
  }

  replace() {
    if (this.query.valid) replaceNext(this.view);
  }

  replaceAll() {
    if (!this.query.valid) return;
    this.undo.stopCapturing();
    replaceAll(this.view);
    this.undo.stopCapturing();
  }

  count() {
    const count = { at: 0, of: 0 };
    if (!this.query.valid) return count;
    const { main } = this.view.state.selection;
    const matches = this.query.getCursor(this.view.state);
    for (let next = matches.next(); !next.done; next = matches.next()) {
      count.of += 1;
      if (next.value.from === main.from && next.value.to === main.to) count.at = count.of;
    }
    return count;
  }

  focus() {
    this.view.focus();
  }

  /**
   * @param {() => void} changed
   * @param {AbortSignal} signal
   */
  watch(changed, signal) {
    const listener = EditorView.updateListener.of((update) => {
      if (!signal.aborted && (update.docChanged || update.selectionSet)) changed();
    });
    this.view.dispatch({ effects: StateEffect.appendConfig.of(listener) });
  }
}

/** @typedef {import('./find.js').Finder} Finder */
