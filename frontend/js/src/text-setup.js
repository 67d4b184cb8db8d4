/** How a plain text is edited: CodeMirror's extensions. */
import { closeBrackets, closeBracketsKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { search } from '@codemirror/search';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { classHighlighter } from '@lezer/highlight';
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
    EditorView.domEventHandlers({ focus: () => undo.stopCapturing() }),
    placeholder(gettext('Start writing…')),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    syntaxHighlighting(classHighlighter),
    // Its cursors would set style attributes, which the page's CSP forbids: ours do not.
    yCollab(text, null, { undoManager: undo }),
    carets(text, awareness),
    // `<collab-find>` is the panel; without one of its own the editor marks no matches.
    search({ createPanel: () => ({ dom: document.createElement('div'), top: true }) }),
    keymap.of([...closeBracketsKeymap, ...yUndoManagerKeymap, ...defaultKeymap, indentWithTab]),
  ];
}

/** What the editor tells screen readers. */
const phrases = () => ({
  'current match': gettext('current match'),
  'on line': gettext('on line'),
  'replaced match on line $': gettext('replaced match on line $'),
  'replaced $ matches': gettext('replaced $ matches'),
});
