/**
 * The keys that lead to both ends of the document.
 *
 * Left to the browser, they stop before a table, and beside another person's caret, which stands in
 * the text as an element of its own, the selection may end up at the start.
 */
import { Extension, isMacOS } from '@tiptap/core';
import { Selection, TextSelection } from '@tiptap/pm/state';

export const Ends = Extension.create({
  name: 'ends',

  addKeyboardShortcuts() {
    const [start, end] = isMacOS() ? ['Cmd-ArrowUp', 'Cmd-ArrowDown'] : ['Ctrl-Home', 'Ctrl-End'];
    return {
      [start]: ({ editor }) => go(editor, Selection.atStart(editor.state.doc), false),
      [end]: ({ editor }) => go(editor, Selection.atEnd(editor.state.doc), false),
      [`Shift-${start}`]: ({ editor }) => go(editor, Selection.atStart(editor.state.doc), true),
      [`Shift-${end}`]: ({ editor }) => go(editor, Selection.atEnd(editor.state.doc), true),
    };
  },
});

/**
 * @param {import('@tiptap/core').Editor} editor
 * @param {Selection} to
 * @param {boolean} isSelecting
 */
function go({ state, view }, to, isSelecting) {
  const selection = isSelecting ? TextSelection.between(state.selection.$anchor, to.$head) : to;
  view.dispatch(state.tr.setSelection(selection).scrollIntoView());
  return true;
}
