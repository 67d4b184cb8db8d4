/**
 * `<collab-toolbar>`: buttons for the editor, by the toolbar pattern of the ARIA guide
 * (https://www.w3.org/WAI/ARIA/apg/patterns/toolbar/): one tab stop, arrow keys inside.
 */
import { commands } from './commands.js';

/**
 * The dialog makes the link; whether one may stand here is asked like anything else.
 *
 * @type {Record<string, import('./commands.js').Command>}
 */
const OPENING = {
  link: {
    apply: (chain) => chain.setMark('link'),
    isActive: (editor) => editor.isActive('link'),
  },
  image: { apply: (chain) => chain, isAlwaysUsable: true },
  block: { apply: (chain) => chain, isAlwaysUsable: true },
};

const isMac = () => /Mac|iPhone|iPad/.test(navigator.platform);

export class CollabToolbar extends HTMLElement {
  listeners = new AbortController();

  /**
   * @param {import('@tiptap/core').Editor} editor
   * @param {Record<string, () => void>} openers what opens for those buttons that do nothing yet
   */
  bind(editor, openers) {
    const { signal } = this.listeners;
    this.editor = editor;
    this.openers = openers;
    for (const button of this.buttons) describe(button);
    this.addEventListener('mousedown', keepSelection, { signal });
    this.addEventListener('click', this.onClick, { signal });
    this.addEventListener('keydown', this.onKey, { signal });
    editor.on('transaction', this.update);
    signal.addEventListener('abort', () => editor.off('transaction', this.update), { once: true });
    this.update();
    this.moveTo(this.usable[0]);
  }

  disconnectedCallback() {
    this.listeners.abort();
    cancelAnimationFrame(this.frame ?? 0);
  }

  /** @returns {HTMLButtonElement[]} */
  get buttons() {
    return [...this.querySelectorAll('button')];
  }

  get usable() {
    return this.buttons.filter((button) => !button.closest('[hidden]'));
  }

  /** Show what holds at the selection, once per frame however many transactions there are. */
  update = () => {
    cancelAnimationFrame(this.frame ?? 0);
    this.frame = requestAnimationFrame(() => this.show());
  };

  show() {
    const { editor } = this;
    if (!editor || editor.isDestroyed) return;
    for (const group of this.querySelectorAll('[data-only]')) {
      /** @type {HTMLElement} */ (group).hidden = !editor.isActive(
        group.getAttribute('data-only') ?? '',
      );
    }
    for (const button of this.buttons) showButton(button, editor);
    if (!this.usable.some((button) => button.tabIndex === 0)) this.moveTo(this.usable[0]);
  }

  /** @param {Event} event */
  onClick = (event) => {
    const button = /** @type {Element} */ (event.target).closest('button');
    const { editor } = this;
    if (!button || !editor || button.getAttribute('aria-disabled') === 'true') return;
    this.moveTo(button);
    const name = button.dataset.command ?? '';
    const opener = this.openers?.[name];
    if (opener) opener();
    else commands[name].apply(editor.chain().focus()).run();
  };

  /** @param {KeyboardEvent} event */
  onKey = (event) => {
    if (event.key === 'Escape') this.editor?.commands.focus();
    const { usable } = this;
    const at = usable.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: usable.length - 1 }[
      event.key
    ];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const button = usable[(to + usable.length) % usable.length];
    this.moveTo(button);
    button.focus();
  };

  /** Bring the keyboard here. */
  enter() {
    this.usable.find((button) => button.tabIndex === 0)?.focus();
  }

  /** @param {HTMLButtonElement | undefined} button the one that Tab leads to */
  moveTo(button) {
    for (const other of this.buttons) other.tabIndex = other === button ? 0 : -1;
  }
}

/**
 * @param {HTMLButtonElement} button
 * @param {import('@tiptap/core').Editor} editor
 */
function showButton(button, editor) {
  const name = button.dataset.command ?? '';
  const command = OPENING[name] ?? commands[name];
  const isActive = command.isActive?.(editor);
  if (isActive !== undefined) button.setAttribute('aria-pressed', String(isActive));
  const isUsable = isActive || command.isAlwaysUsable || command.apply(editor.can().chain()).run();
  button.setAttribute('aria-disabled', String(!isUsable || !editor.isEditable));
}

/**
 * The button's tip: its name and its keys, as they are called on this machine.
 *
 * @param {HTMLButtonElement} button
 */
function describe(button) {
  const name = button.getAttribute('aria-label') ?? '';
  const keys = button.dataset.keys;
  if (keys) {
    const mod = isMac() ? 'Meta' : 'Control';
    button.setAttribute('aria-keyshortcuts', keys.replace('Mod', mod).replaceAll('-', '+'));
  }
  button.dataset.tip = keys ? `${name}  ${spelled(keys)}` : name;
}

/** @param {string} keys `Mod-Shift-x` */
const spelled = (keys) =>
  isMac()
    ? keys
        .replace('Mod', '⌘')
        .replace('Shift', '⇧')
        .replace('Alt', '⌥')
        .replaceAll('-', '')
        .toUpperCase()
    : keys.replace('Mod', gettext('Ctrl')).split('-').map(capital).join('+');

/** @param {string} word */
const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

/** @param {Event} event a press on a button leaves caret and selection in the text */
const keepSelection = (event) => event.preventDefault();
