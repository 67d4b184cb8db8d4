/** Everybody's carets and selections in a plain text: one's own is told, the others' are shown. */
import { Annotation } from '@codemirror/state';
import { Decoration, ViewPlugin, WidgetType } from '@codemirror/view';
import * as Y from 'yjs';
import { colourOf, renderCaret, renderSelection } from './caret.js';

/** @typedef {import('@codemirror/view').EditorView} EditorView */

const moved = Annotation.define();

class Caret extends WidgetType {
  /** @param {Record<string, unknown>} user */
  constructor(user) {
    super();
    this.user = user;
  }

  /**
   * @override
   * @param {Caret} other
   */
  eq({ user }) {
    return user.name === this.user.name && colourOf(user.color) === colourOf(this.user.color);
  }

  /** @override */
  toDOM() {
    return renderCaret(this.user);
  }

  /** @override */
  ignoreEvent() {
    return true;
  }
}

/**
 * The states are those of y-codemirror.next and of the rich editor: `user` and `cursor`.
 *
 * @param {Y.Text} text
 * @param {import('y-protocols/awareness').Awareness} awareness its `user` is set by the caller
 */
export function carets(text, awareness) {
  return ViewPlugin.define(
    (view) => {
      /** @param {Record<'added' | 'updated' | 'removed', number[]>} clients */
      const onChange = ({ added, updated, removed }) => {
        const isOfOthers = [...added, ...updated, ...removed].some(
          (client) => client !== awareness.clientID,
        );
        if (isOfOthers) view.dispatch({ annotations: moved.of(null) });
      };
      awareness.on('change', onChange);
      const plugin = {
        ...shown(view, text, awareness),
        /** @param {import('@codemirror/view').ViewUpdate} update */
        update(update) {
          if (update.selectionSet || update.docChanged || update.focusChanged) {
            tell(view, text, awareness);
          }
          const isMoved = update.transactions.some((each) => each.annotation(moved) !== undefined);
          // To find a place in the shared text costs more the longer that is.
          if (isMoved || (update.docChanged && plugin.isWaiting)) {
            Object.assign(plugin, shown(view, text, awareness));
          } else if (update.docChanged) {
            plugin.decorations = plugin.decorations.map(update.changes);
          }
        },
        destroy: () => awareness.off('change', onChange),
      };
      return plugin;
    },
    { decorations: (plugin) => plugin.decorations },
  );
}

/**
 * Tell the others where one's own caret is; without the focus it is nowhere.
 *
 * @param {EditorView} view
 * @param {Y.Text} text
 * @param {import('y-protocols/awareness').Awareness} awareness
 */
function tell(view, text, awareness) {
  const { main } = view.state.selection;
  const cursor = view.hasFocus
    ? {
        anchor: Y.createRelativePositionFromTypeIndex(text, main.anchor),
        head: Y.createRelativePositionFromTypeIndex(text, main.head),
      }
    : null;
  const known = awareness.getLocalState()?.cursor ?? null;
  if (JSON.stringify(known) !== JSON.stringify(cursor)) {
    awareness.setLocalStateField('cursor', cursor);
  }
}

/**
 * @param {EditorView} view
 * @param {Y.Text} text
 * @param {import('y-protocols/awareness').Awareness} awareness
 * @returns {{ decorations: import('@codemirror/view').DecorationSet, isWaiting: boolean }} whether
 *   a cursor stands in text that has not arrived yet
 */
function shown(view, text, awareness) {
  const ranges = [];
  let isWaiting = false;
  for (const [client, { cursor, user = {} }] of awareness.getStates()) {
    if (client === awareness.clientID || !cursor?.anchor || !cursor.head) continue;
    const anchor = indexOf(cursor.anchor, text);
    const head = indexOf(cursor.head, text);
    if (anchor === null || head === null) {
      isWaiting = true;
      continue;
    }
    // The editor may lag behind the shared text by the update that is just being shown.
    const most = view.state.doc.length;
    const [from, to] = [Math.min(anchor, head, most), Math.min(Math.max(anchor, head), most)];
    if (from < to) ranges.push(markOf(user).range(from, to));
    // One's own caret stands outside of another's selection.
    const side = head > anchor ? -1 : 1;
    ranges.push(Decoration.widget({ side, widget: new Caret(user) }).range(Math.min(head, most)));
  }
  return { decorations: Decoration.set(ranges, true), isWaiting };
}

/** @param {Record<string, unknown>} user */
function markOf(user) {
  const { class: name, style } = renderSelection(user);
  return Decoration.mark({ class: name, attributes: { style: style ?? '' } });
}

/**
 * @param {unknown} position written by others: it may be anything
 * @param {Y.Text} text
 * @returns {number | null}
 */
function indexOf(position, text) {
  try {
    const relative = Y.createRelativePositionFromJSON(position);
    const at = Y.createAbsolutePositionFromRelativePosition(
      relative,
      /** @type {Y.Doc} */ (text.doc),
    );
    return at?.type === text ? at.index : null;
  } catch {
    return null;
  }
}
