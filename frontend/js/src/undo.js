/** One undo for title and body, and only for one's own edits. */
import {
  defaultDeleteFilter,
  defaultProtectedNodes,
  ySyncPluginKey,
  yUndoPluginKey,
} from '@tiptap/y-tiptap';
import * as Y from 'yjs';
import { TITLE_ORIGIN } from './origins.js';

/**
 * @param {Y.XmlFragment} body
 * @param {Y.Text} title
 * @returns {Y.UndoManager}
 */
export function undoOf(body, title) {
  return new Y.UndoManager([body, title], {
    trackedOrigins: new Set([ySyncPluginKey, TITLE_ORIGIN]),
    // As in y-tiptap's own: a paragraph that holds another's text survives the undoing of its birth.
    deleteFilter: (item) => defaultDeleteFilter(item, defaultProtectedNodes),
    captureTransaction: (transaction) => transaction.meta.get('addToHistory') !== false,
  });
}

/**
 * Make an edit that is undone by itself, not together with what was typed just before or after.
 *
 * @param {import('@tiptap/pm/state').EditorState} state
 * @param {() => void} edit
 */
export function asOwnStep(state, edit) {
  const { undoManager } = yUndoPluginKey.getState(state);
  undoManager.stopCapturing();
  edit();
  undoManager.stopCapturing();
}
