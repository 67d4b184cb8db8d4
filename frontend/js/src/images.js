/**
 * `<collab-images>`: images come in by its file chooser, by pasting and by dropping.
 *
 * Each is brought to the server first; the document gets it when it is there for everyone.
 */
import { insertPoint } from '@tiptap/pm/transform';
import { fileOf } from './image.js';
import { NotStored, transfer } from './transfer.js';
import { asOwnStep } from './undo.js';
import { addWaiting, placeOf, removeWaiting } from './waiting.js';
import { WaitingItem } from './waiting-item.js';

const TYPES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];
const MANY = 20;

/** @typedef {import('./transfer.js').Stored} Stored */

export class CollabImages extends HTMLElement {
  listeners = new AbortController();
  count = 0;

  get chooser() {
    return /** @type {HTMLInputElement} */ (this.querySelector('input[type="file"]'));
  }

  /**
   * @param {import('@tiptap/core').Editor} editor
   * @param {import('./config.js').Config} config
   */
  bind(editor, config) {
    const { signal } = this.listeners;
    this.editor = editor;
    this.config = config;
    this.chooser.addEventListener('change', this.onChosen, { signal });
    const text = editor.view.dom;
    // Before ProseMirror, for which a file is nothing.
    const options = { signal, capture: true };
    text.addEventListener('paste', this.onPaste, options);
    text.addEventListener('drop', this.onDrop, options);
    addEventListener('beforeunload', this.onLeave, { signal });
  }

  disconnectedCallback() {
    this.listeners.abort();
  }

  open = () => {
    if (this.editor?.isEditable) this.chooser.click();
  };

  onChosen = () => {
    const files = [...(this.chooser.files ?? [])];
    this.chooser.value = '';
    this.addAll(files);
    this.editor?.commands.focus();
  };

  /** @param {Event} event what is on its way would be lost */
  onLeave = (event) => {
    if (document.querySelector('.waiting')) event.preventDefault();
  };

  /** @param {ClipboardEvent} event */
  onPaste = (event) => {
    const { clipboardData: data } = event;
    if (!data || !this.editor?.isEditable || this.isCode) return;
    const files = imagesOf(data);
    // Office programs add a picture of the words that they copy.
    if (files.length > 0 && data.getData('text/plain').trim() === '') {
      event.preventDefault();
      event.stopPropagation();
      this.addAll(files);
    } else this.copyOthers(data.getData('text/html'));
  };

  /** @param {DragEvent} event */
  onDrop = (event) => {
    const { editor } = this;
    const files = event.dataTransfer ? imagesOf(event.dataTransfer) : [];
    // An image of the text that is dragged is a file to the browser, too.
    if (files.length === 0 || !editor?.isEditable || editor.view.dragging) return;
    event.preventDefault();
    event.stopPropagation();
    const found = editor.view.posAtCoords({ left: event.clientX, top: event.clientY });
    this.addAll(files, found?.pos);
  };

  get isCode() {
    return this.editor?.state.selection.$from.parent.type.spec.code === true;
  }

  /**
   * Images of other documents of this site, of which a page cannot show the originals.
   *
   * @param {string} html
   */
  copyOthers(html) {
    const pasted = new DOMParser().parseFromString(
      html.replace(/\sstyle\s*=/gi, ' data-style='),
      'text/html',
    );
    const files = [...pasted.querySelectorAll('img[src]')].flatMap((image) => {
      const file = fileOf(image.getAttribute('src') ?? '', location.href);
      return file && 'other' in file ? [{ url: file.other, alt: image.getAttribute('alt') }] : [];
    });
    // What else was pasted comes first.
    setTimeout(() => files.slice(0, MANY).map((file) => this.add(file)));
  }

  /**
   * @param {File[]} files
   * @param {number} [pos] where the caret is, if not given
   */
  addAll(files, pos) {
    for (const file of files.slice(0, MANY)) this.add(file, pos);
  }

  /**
   * @param {File | { url: string, alt: string | null }} source
   * @param {number} [pos]
   */
  add(source, pos) {
    const { editor } = this;
    if (!editor) return;
    this.count += 1;
    const item = new WaitingItem(
      `waiting-${this.count}`,
      source instanceof File ? source.name : '',
    );
    addWaiting(editor.view, item.element, this.pointFor(pos ?? editor.state.selection.from));
    item.element.scrollIntoView({ block: 'nearest' });
    this.bring(source, item);
  }

  /**
   * Between blocks, near a position: before an empty line, else behind its block.
   *
   * @param {number} pos
   */
  pointFor(pos) {
    const { doc, schema } = /** @type {import('@tiptap/core').Editor} */ (this.editor).state;
    const $pos = doc.resolve(pos);
    const { parent, depth } = $pos;
    if (depth === 0) return pos;
    const point = parent.content.size === 0 ? $pos.before() : $pos.after();
    return insertPoint(doc, point, schema.nodes.image) ?? $pos.after(1);
  }

  /**
   * @param {File | { url: string, alt: string | null }} source
   * @param {WaitingItem} item
   */
  async bring(source, item) {
    const { editor, config } = this;
    if (!editor || !config) return;
    const signal = item.begin(
      () => this.bring(source, item),
      () => this.drop(item),
    );
    try {
      const file = source instanceof File ? source : await fetched(source.url, signal);
      check(file, config.maxImageBytes);
      const stored = await transfer(config.filesUrl, file, item.progress, signal);
      this.put(item, stored, source instanceof File ? null : source.alt);
    } catch (error) {
      if (signal.aborted || editor.isDestroyed) return;
      item.fail(error instanceof NotStored ? error.message : gettext('This image cannot be read.'));
    }
  }

  /**
   * @param {WaitingItem} item
   * @param {Stored} stored
   * @param {string | null} alt
   */
  put({ element }, { src, width, height }, alt) {
    const { editor } = this;
    if (!editor || editor.isDestroyed) return;
    const { state, view } = editor;
    const pos = placeOf(state, element);
    const tr = removeWaiting(state.tr, element);
    if (pos !== undefined && editor.isEditable) {
      const { image, paragraph } = state.schema.nodes;
      const node = image.create({ src, width, height, alt: alt || null });
      // Behind the last block there must be a line to go on writing.
      const isLast = pos === state.doc.content.size;
      tr.insert(pos, isLast ? [node, paragraph.create()] : node);
    }
    asOwnStep(state, () => view.dispatch(tr));
  }

  /** @param {WaitingItem} item */
  drop({ element }) {
    const { editor } = this;
    if (!editor || editor.isDestroyed) return;
    editor.view.dispatch(removeWaiting(editor.state.tr, element));
    editor.commands.focus();
  }
}

/** @param {DataTransfer} data */
const imagesOf = ({ files }) => [...files].filter(({ type }) => type.startsWith('image/'));

/**
 * @param {string} url
 * @param {AbortSignal} signal
 */
async function fetched(url, signal) {
  const response = await fetch(url, { signal, credentials: 'same-origin' });
  if (!response.ok) throw new NotStored(gettext('You may not read the image that was copied.'));
  return response.blob();
}

/**
 * Refuse at once what the server would refuse.
 *
 * @param {Blob} file
 * @param {number} most bytes
 */
function check({ type, size }, most) {
  if (!TYPES.includes(type)) {
    throw new NotStored(gettext('Only PNG, JPEG, GIF and WebP images can be added.'));
  }
  if (size > most) {
    const megabytes = Math.floor(most / 1_000_000);
    const words = gettext('An image may have %(megabytes)s MB at most.');
    throw new NotStored(interpolate(words, { megabytes }, true));
  }
}
