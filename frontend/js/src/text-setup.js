/** How a plain text is edited: CodeMirror's extensions. */
import { closeBrackets, closeBracketsKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { search } from '@codemirror/search';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { classHighlighter, tagHighlighter, tags } from '@lezer/highlight';
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next';
import { carets } from './text-carets.js';
import { adoptStyles } from './text-styles.js';

/**
 * @param {object} shared
 * @param {import('yjs').Text} shared.text
 * @param {import('y-protocols/awareness').Awareness} shared.awareness
 * @param {import('yjs').UndoManager} shared.undo takes the edits of this editor in, and no others
 * @returns {import('@codemirror/state').Extension}
 */
export function setup({ text, awareness, undo }) {
  adoptStyles();
  return [
    // The shared text counts in its own line breaks: a lone "\r" of somebody's stays a letter.
    EditorState.lineSeparator.of('\n'),
    EditorView.clipboardInputFilter.of((pasted) => pasted.replace(/\r\n?/g, '\n')),
    EditorState.tabSize.of(4),
    EditorState.phrases.of(phrases()),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({
      'aria-label': gettext('Document'),
      'aria-describedby': 'editor-help',
    }),
    EditorView.domEventHandlers({
      focus: () => undo.stopCapturing(),
      beforeinput: replaceSelected,
    }),
    placeholder(gettext('Start writing…')),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    syntaxHighlighting(classHighlighter),
    syntaxHighlighting(tagHighlighter([{ tag: tags.strikethrough, class: 'tok-strikethrough' }])),
    // Its cursors would set style attributes, which the page's CSP forbids: ours do not.
    yCollab(text, null, { undoManager: undo }),
    carets(text, awareness),
    // `<collab-find>` is the panel; without one of its own the editor marks no matches.
    search({ createPanel: () => ({ dom: document.createElement('div'), top: true }) }),
    keymap.of([...closeBracketsKeymap, ...yUndoManagerKeymap, ...defaultKeymap, indentWithTab]),
  ];
}

/**
 * Put what is typed in the place of what is selected, before the browser does.
 *
 * A browser that joins lines keeps the look of each by style attributes, which the page's CSP
 * forbids; the editor would remove them again.
 *
 * @param {InputEvent} event
 * @param {EditorView} view
 */
function replaceSelected(event, view) {
  const { main, ranges } = view.state.selection;
  const { data } = event;
  if (event.inputType !== 'insertText' || event.isComposing || !event.cancelable) return false;
  if (!data || main.empty || ranges.length > 1 || view.state.readOnly) return false;
  const insert = () =>
    view.state.update(view.state.replaceSelection(data), {
      scrollIntoView: true,
      userEvent: 'input.type',
    });
  const handlers = view.state.facet(EditorView.inputHandler);
  if (!handlers.some((handle) => handle(view, main.from, main.to, data, insert))) {
    view.dispatch(insert());
  }
  event.preventDefault();
  return true;
}

/** What the editor tells screen readers. */
const phrases = () => ({
  'current match': gettext('current match'),
  'on line': gettext('on line'),
  'replaced match on line $': gettext('replaced match on line $'),
  'replaced $ matches': gettext('replaced $ matches'),
});
