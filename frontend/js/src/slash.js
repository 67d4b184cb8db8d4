/**
 * `<collab-slash>`: what `/` offers where a word begins, by the listbox pattern of the ARIA guide.
 *
 * The focus stays in the text, where typing filters; the text names the chosen option.
 */
import { Extension } from '@tiptap/core';
import { isChangeOrigin } from '@tiptap/extension-collaboration';
import { PluginKey } from '@tiptap/pm/state';
import { exitSuggestion, Suggestion } from '@tiptap/suggestion';
import { insertBlock } from './commands.js';
import { keepBeside } from './floating.js';

/** @typedef {import('@tiptap/suggestion').SuggestionProps} Props */

const key = new PluginKey('slash');

export class CollabSlash extends HTMLElement {
  listeners = new AbortController();
  at = 0;

  /** @returns {HTMLElement} */
  get list() {
    return /** @type {HTMLElement} */ (this.querySelector('[role="listbox"]'));
  }

  /** @returns {HTMLElement[]} */
  get options() {
    return [...this.list.querySelectorAll('[role="option"]')].map(
      (option) => /** @type {HTMLElement} */ (option),
    );
  }

  get shown() {
    return this.options.filter((option) => !option.hidden);
  }

  /**
   * @param {import('@tiptap/core').Editor} editor
   * @param {() => void} chooseImages
   */
  bind(editor, chooseImages) {
    const { signal } = this.listeners;
    this.editor = editor;
    this.chooseImages = chooseImages;
    this.list.addEventListener('mousedown', (event) => event.preventDefault(), { signal });
    this.list.addEventListener('click', this.onClick, { signal });
    this.list.addEventListener('mousemove', this.onPoint, { signal });
    editor.on('blur', this.leave);
    signal.addEventListener('abort', () => editor.off('blur', this.leave), { once: true });
  }

  disconnectedCallback() {
    this.listeners.abort();
    this.close();
  }

  /** @param {Props} props */
  open(props) {
    this.props = props;
    const place = {
      contextElement: props.editor.view.dom,
      getBoundingClientRect: () => this.props?.clientRect?.() ?? new DOMRect(),
    };
    this.filter(props.query);
    this.stop = keepBeside(place, this.list, 'bottom-start');
  }

  /** @param {Props} props */
  update(props) {
    if (props.query !== this.props?.query) this.filter(props.query);
    this.props = props;
  }

  close = () => {
    this.stop?.();
    this.stop = undefined;
    this.props = undefined;
    this.list.hidden = true;
    const text = this.editor?.isDestroyed ? null : this.editor?.view.dom;
    for (const name of ['aria-activedescendant', 'aria-controls', 'aria-autocomplete']) {
      text?.removeAttribute(name);
    }
  };

  leave = () => {
    if (this.props && this.editor) exitSuggestion(this.editor.view, key);
  };

  /** @param {string} query */
  filter(query) {
    const wanted = query.toLocaleLowerCase();
    for (const option of this.options) {
      const names = `${option.textContent?.trim()} ${option.dataset.words}`.toLocaleLowerCase();
      option.hidden = !names
        .split(/\s+/)
        .some((_, i, all) => all.slice(i).join(' ').startsWith(wanted));
    }
    this.list.hidden = this.shown.length === 0;
    this.choose(0);
  }

  /** @param {number} index among those that are shown; goes round */
  choose(index) {
    const { shown } = this;
    this.at = shown.length === 0 ? 0 : (index + shown.length) % shown.length;
    for (const option of this.options) option.setAttribute('aria-selected', 'false');
    const chosen = shown[this.at];
    const text = this.editor?.view.dom;
    if (!chosen || !text) return text?.removeAttribute('aria-activedescendant');
    chosen.setAttribute('aria-selected', 'true');
    chosen.scrollIntoView({ block: 'nearest' });
    text.setAttribute('aria-controls', this.list.id);
    text.setAttribute('aria-autocomplete', 'list');
    text.setAttribute('aria-activedescendant', chosen.id);
  }

  /**
   * @param {KeyboardEvent} event
   * @returns {boolean} whether it was for the list
   */
  onKey({ key: name, isComposing, shiftKey }) {
    if (this.list.hidden || isComposing || shiftKey) return false;
    if (name === 'ArrowDown') this.choose(this.at + 1);
    else if (name === 'ArrowUp') this.choose(this.at - 1);
    else if (name === 'Enter' || name === 'Tab') this.take(this.shown[this.at]);
    else return false;
    return true;
  }

  /** @param {Event} event */
  onClick = (event) => this.take(/** @type {Element} */ (event.target).closest('[role="option"]'));

  /** @param {MouseEvent} event a list that comes up under a resting pointer chooses nothing */
  onPoint = (event) => {
    if (event.movementX === 0 && event.movementY === 0) return;
    const option = /** @type {Element} */ (event.target).closest('[role="option"]');
    const index = this.shown.indexOf(/** @type {HTMLElement} */ (option));
    if (index >= 0 && index !== this.at) this.choose(index);
  };

  /** @param {Element | null | undefined} option */
  take(option) {
    const { editor, props } = this;
    if (!(option instanceof HTMLElement) || !editor || !props) return;
    const { command = '' } = option.dataset;
    const chain = editor.chain().focus().deleteRange(props.range);
    if (command === 'image') {
      chain.run();
      this.chooseImages?.();
    } else insertBlock(command, chain).run();
  }
}

/** @param {() => CollabSlash} list */
export const slash = (list) =>
  Extension.create({
    name: 'slash',
    // Its keys come before those of lists and tables.
    priority: 1000,
    addProseMirrorPlugins() {
      const { editor } = this;
      return [
        Suggestion({
          editor,
          pluginKey: key,
          char: '/',
          decorationClass: 'slash-word',
          allow: ({ state }) => {
            const { $from } = state.selection;
            return !$from.parent.type.spec.code && !editor.isActive('code');
          },
          // What others type must not open it here.
          shouldShow: ({ transaction, editor: { view } }) =>
            key.getState(view.state)?.active ||
            (transaction.docChanged && !isChangeOrigin(transaction) && view.hasFocus()),
          render: () => ({
            onStart: (props) => list().open(props),
            onUpdate: (props) => list().update(props),
            onExit: () => list().close(),
            onKeyDown: ({ event }) => list().onKey(event),
          }),
        }),
      ];
    },
  });
