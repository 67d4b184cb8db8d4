/** What helps to write a rich document: the bars, the menus, and what brings images in. */
import { Extension } from '@tiptap/core';
import { BlockKeys } from './blocks.js';
import { Ends } from './ends.js';
import { slash } from './slash.js';
import { WaitingImages } from './waiting.js';

/**
 * @typedef {object} Pieces
 * @property {import('./blocks.js').CollabBlocks} collab-blocks
 * @property {import('./bubble.js').CollabBubble} collab-bubble
 * @property {import('./image-panel.js').CollabImagePanel} collab-image-panel
 * @property {import('./images.js').CollabImages} collab-images
 * @property {import('./slash.js').CollabSlash} collab-slash
 * @property {import('./toolbar.js').CollabToolbar} collab-toolbar
 */

/**
 * @template {keyof Pieces} Name
 * @param {Name} name
 * @returns {Pieces[Name]}
 */
const piece = (name) => /** @type {Pieces[Name]} */ (document.querySelector(name));

/** The keyboard's way from the text to what stands beside it. */
const ToTools = Extension.create({
  name: 'toTools',
  addKeyboardShortcuts: () => ({
    'Alt-F10': ({ editor }) => {
      const panel = piece('collab-image-panel');
      const bubble = piece('collab-bubble');
      const chooser = chooserAt(editor);
      if (!panel.hidden) panel.enter();
      else if (chooser) chooser.focus();
      else if (!bubble.hidden) bubble.enter();
      else piece('collab-toolbar').enter();
      return true;
    },
  }),
});

/**
 * @param {import('@tiptap/core').Editor} editor
 * @returns {HTMLSelectElement | null} the language's, when the caret is in code
 */
function chooserAt({ view, state }) {
  const { $from } = state.selection;
  if (!$from.parent.type.spec.code) return null;
  const block = view.nodeDOM($from.before());
  return block instanceof Element ? block.querySelector('select') : null;
}

export const tools = () => [
  slash(() => piece('collab-slash')),
  BlockKeys,
  WaitingImages,
  ToTools,
  Ends,
];

/**
 * @param {import('@tiptap/core').Editor} editor
 * @param {import('./config.js').Config} config
 * @param {() => void} openLink
 */
export function bindTools(editor, config, openLink) {
  const images = piece('collab-images');
  const blocks = piece('collab-blocks');
  images.bind(editor, config);
  blocks.bind(editor);
  piece('collab-image-panel').bind(editor);
  piece('collab-slash').bind(editor, images.open);
  piece('collab-bubble').bind(editor, { link: openLink });
  const openers = { link: openLink, image: images.open, block: blocks.openHere };
  piece('collab-toolbar').bind(editor, openers);
}
