/** The editor of a document: what it can hold, and what helps to write it. */
import { Collaboration } from '@tiptap/extension-collaboration';
import { CollaborationCaret } from '@tiptap/extension-collaboration-caret';
import { Dropcursor, Gapcursor, Placeholder } from '@tiptap/extensions';
import { renderCaret, renderSelection } from './caret.js';
import { content } from './content.js';
import { PastedStyles } from './paste.js';
import { KeptSelection } from './selection.js';
import { tools } from './tools.js';

/**
 * @typedef {object} Shared
 * @property {import('yjs').XmlFragment} fragment
 * @property {import('yjs').UndoManager} undoManager
 * @property {import('y-websocket').WebsocketProvider} provider
 * @property {import('./config.js').Config['user']} user
 */

/** @param {Shared} shared */
export const extensions = ({ fragment, undoManager, provider, user }) => [
  ...content(),
  Dropcursor.configure({ color: false, class: 'dropcursor' }),
  Gapcursor,
  PastedStyles,
  Placeholder.configure({ placeholder: gettext('Start writing…') }),
  KeptSelection.configure({ provider }),
  ...tools(),
  Collaboration.configure({ fragment, yUndoOptions: { undoManager } }),
  CollaborationCaret.configure({
    provider,
    user,
    render: renderCaret,
    selectionRender: renderSelection,
  }),
];
