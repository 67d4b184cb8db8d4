/** `<collab-markdown>`: a field of several lines bound to a `Y.Text`, in which two can type at once. */
import { CollabTitle } from '../title.js';

export class CollabMarkdown extends CollabTitle {
  /**
   * @override
   * @param {import('yjs').Text} text
   * @param {import('yjs').UndoManager} undo
   */
  bind(text, undo) {
    if (this.text === text) return;
    this.unbind();
    this.listeners = new AbortController();
    super.bind(text, undo, () => {});
    this.begin();
  }

  unbind() {
    this.listeners.abort();
    this.text = undefined;
  }

  /**
   * @override
   * @param {string} value
   */
  clean(value) {
    return value.replace(/\r\n?/g, '\n');
  }

  /**
   * @override
   * @param {KeyboardEvent} _event
   */
  isDone(_event) {
    return false;
  }
}
