/**
 * Images that are on their way: seen where they will be, by their author alone.
 *
 * They are decorations, no part of the document. The binding replaces the whole document with every
 * edit of another person, which a mapped position does not survive, so their places are Yjs's.
 */
import { Extension } from '@tiptap/core';
import { isChangeOrigin } from '@tiptap/extension-collaboration';
import { Plugin, PluginKey } from '@tiptap/pm/state';
import { Decoration, DecorationSet } from '@tiptap/pm/view';
import {
  absolutePositionToRelativePosition,
  relativePositionToAbsolutePosition,
  ySyncPluginKey,
} from '@tiptap/y-tiptap';

/**
 * @typedef {object} Waiting
 * @property {HTMLElement} element drawn at the place
 * @property {number} pos between blocks
 * @property {unknown} shared the place in Yjs
 *
 * @typedef {import('@tiptap/pm/state').EditorState} State
 */

/** @type {PluginKey<Waiting[]>} */
const key = new PluginKey('waiting');

export const WaitingImages = Extension.create({
  name: 'waitingImages',
  // After the binding: its state tells where a place in Yjs is.
  priority: 50,
  addProseMirrorPlugins: () => [waiting()],
});

const waiting = () =>
  new Plugin({
    key,
    state: {
      init: () => /** @type {Waiting[]} */ ([]),
      apply(tr, all, _before, state) {
        const moved = tr.docChanged ? all.map((one) => follow(one, tr, state)) : all;
        const { add, remove } = tr.getMeta(key) ?? {};
        if (add) return [...moved, { ...add, shared: sharedPlace(state, add.pos) }];
        return remove ? moved.filter(({ element }) => element !== remove) : moved;
      },
    },
    props: {
      decorations: (state) =>
        DecorationSet.create(
          state.doc,
          (key.getState(state) ?? []).map(({ element, pos }) =>
            Decoration.widget(pos, element, {
              key: element.id,
              side: -1,
              ignoreSelection: true,
              stopEvent: () => true,
            }),
          ),
        ),
    },
  });

/**
 * @param {import('@tiptap/pm/view').EditorView} view
 * @param {HTMLElement} element with an id of its own
 * @param {number} pos
 */
export const addWaiting = (view, element, pos) =>
  view.dispatch(view.state.tr.setMeta(key, { add: { element, pos } }));

/**
 * @param {State} state
 * @param {HTMLElement} element
 * @returns {number | undefined} where it waits now
 */
export const placeOf = (state, element) =>
  key.getState(state)?.find((one) => one.element === element)?.pos;

/**
 * @param {import('@tiptap/pm/state').Transaction} tr
 * @param {HTMLElement} element
 */
export const removeWaiting = (tr, element) => tr.setMeta(key, { remove: element });

/**
 * @param {Waiting} one
 * @param {import('@tiptap/pm/state').Transaction} tr
 * @param {State} state
 * @returns {Waiting}
 */
function follow(one, tr, state) {
  if (isChangeOrigin(tr)) {
    const { doc, type, binding } = ySyncPluginKey.getState(state);
    const pos = relativePositionToAbsolutePosition(doc, type, one.shared, binding.mapping);
    return { ...one, pos: Math.min(pos ?? tr.doc.content.size, tr.doc.content.size) };
  }
  const pos = tr.mapping.map(one.pos);
  return { ...one, pos };
}

/**
 * @param {State} state
 * @param {number} pos
 */
function sharedPlace(state, pos) {
  const { type, binding } = ySyncPluginKey.getState(state);
  return absolutePositionToRelativePosition(pos, type, binding.mapping);
}
