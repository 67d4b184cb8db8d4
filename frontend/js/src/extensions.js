/** What a document can hold, and how it is typed. */
import { Blockquote } from '@tiptap/extension-blockquote';
import { Bold } from '@tiptap/extension-bold';
import { Code } from '@tiptap/extension-code';
import { CodeBlock } from '@tiptap/extension-code-block';
import { Collaboration } from '@tiptap/extension-collaboration';
import { CollaborationCaret } from '@tiptap/extension-collaboration-caret';
import { Document } from '@tiptap/extension-document';
import { HardBreak } from '@tiptap/extension-hard-break';
import { Heading } from '@tiptap/extension-heading';
import { HorizontalRule } from '@tiptap/extension-horizontal-rule';
import { Italic } from '@tiptap/extension-italic';
import { Link } from '@tiptap/extension-link';
import { ListKit } from '@tiptap/extension-list';
import { Paragraph } from '@tiptap/extension-paragraph';
import { Strike } from '@tiptap/extension-strike';
import { TableKit } from '@tiptap/extension-table';
import { Text } from '@tiptap/extension-text';
import { Dropcursor, Gapcursor, Placeholder } from '@tiptap/extensions';
import { isAllowed } from './address.js';
import { renderCaret, renderSelection } from './caret.js';
import { PastedStyles } from './paste.js';
import { KeptSelection } from './selection.js';

/**
 * @typedef {object} Shared
 * @property {import('yjs').XmlFragment} fragment
 * @property {import('yjs').UndoManager} undoManager
 * @property {import('y-websocket').WebsocketProvider} provider
 * @property {import('./config.js').Config['user']} user
 */

/** Every browser of a document must know every node: one that does not would delete it. */
const content = () => [
  Document,
  Paragraph,
  Text,
  HardBreak,
  Heading.configure({ levels: [1, 2, 3] }),
  Bold,
  Italic,
  Strike,
  Code,
  Blockquote,
  CodeBlock,
  HorizontalRule,
  ListKit.configure({
    taskItem: {
      nested: true,
      a11y: { checkboxLabel: (node) => node.textContent || gettext('Empty task') },
    },
  }),
  TableKit.configure({ table: { resizable: false } }),
  Link.configure({
    openOnClick: false,
    markdownLinks: true,
    defaultProtocol: 'https',
    isAllowedUri: (url) => isAllowed(url),
    HTMLAttributes: { rel: 'noopener noreferrer nofollow', target: '_blank' },
  }),
];

/** @param {Shared} shared */
export const extensions = ({ fragment, undoManager, provider, user }) => [
  ...content(),
  Dropcursor.configure({ color: false, class: 'dropcursor' }),
  Gapcursor,
  PastedStyles,
  Placeholder.configure({ placeholder: gettext('Start writing…') }),
  KeptSelection,
  Collaboration.configure({ fragment, yUndoOptions: { undoManager } }),
  CollaborationCaret.configure({
    provider,
    user,
    render: renderCaret,
    selectionRender: renderSelection,
  }),
];
