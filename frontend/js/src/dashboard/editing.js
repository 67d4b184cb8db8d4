/**
 * Editing a dashboard: the layout as the room has it, drawn and changed. It rests until the person
 * switches editing on, and whenever this page may not write.
 */
import * as Y from 'yjs';
import { TITLE_ORIGIN } from '../origins.js';
import { arrange } from './arrange.js';
import { Grid } from './grid.js';
import {
  copyOf,
  EDIT,
  newId,
  optionsIn,
  PANELS_AT_MOST,
  panelsIn,
  panelWith,
  placeOf,
  placesIn,
  rootsOf,
  SIZES,
} from './layout.js';
import { Mover } from './mover.js';
import { spotFor } from './places.js';
import { Presence } from './presence.js';
import { rename } from './rename.js';
import { SettingsSheet } from './settings.js';
import { PanelSheet } from './sheet.js';
import { Toast } from './toast.js';

/** @typedef {import('./board.js').CollabDashboard} Board */

/** A new panel has its values by then. */
const FILLED_MS = 2000;

export class Editing {
  isWanted = false;
  isAllowed = false;
  /** @type {Presence | null} */
  presence = null;
  isAsked = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  filling = undefined;

  /**
   * @param {Board} board
   * @param {{ doc: Y.Doc, awareness: import('y-protocols/awareness').Awareness, title: Y.Text }} room
   */
  constructor(board, { doc, awareness, title }) {
    this.board = board;
    this.doc = doc;
    this.awareness = awareness;
    const { signal } = board.listeners;
    const { panels, variables, settings } = rootsOf(doc);
    this.panels = panels;
    this.variables = variables;
    this.settings = settings;
    this.grid = new Grid(board, panels, () => this.fillSoon());
    this.undo = new Y.UndoManager([title, panels, variables, settings], {
      trackedOrigins: new Set([EDIT, TITLE_ORIGIN]),
    });
    board.piece('collab-title').bind(title, this.undo, () => this.board.grid.focus());
    title.observe(() => this.isShown && this.board.showTitle(title.toString()));
    this.title = title;
    awareness.setLocalState(null);
    if (!document.getElementById('panel-shell')) return;
    this.mover = new Mover(this, signal);
    this.toast = new Toast(board, this.undo);
    this.sheet = new PanelSheet(this, signal);
    this.settingsSheet = new SettingsSheet(this, signal);
    panels.observeDeep(() => this.redraw());
    variables.observeDeep(() => this.onVariables());
    settings.observe(() => this.settingsSheet?.update());
    for (const name of /** @type {const} */ (['stack-item-added', 'stack-item-popped'])) {
      this.undo.on(name, () => this.updateUndo());
    }
    board.addEventListener('click', this.onClick, { signal });
    board.addEventListener('dblclick', this.onDouble, { signal });
    board.addEventListener('pointermove', this.onPointer, { signal, passive: true });
    document.addEventListener('keydown', this.onKey, { signal });
  }

  end() {
    clearTimeout(this.filling);
    this.presence?.end();
    this.undo.destroy();
  }

  /** Is the layout drawn from the room now? */
  get isShown() {
    return this.isWanted && this.isAllowed;
  }

  /** @param {boolean} isWanted the person switched editing on or off */
  want(isWanted) {
    if (isWanted === this.isWanted) return;
    this.isWanted = isWanted;
    if (isWanted) this.board.join();
    this.onShown();
  }

  /** @param {boolean} isAllowed the layout is there, and may be changed */
  allow(isAllowed) {
    if (isAllowed === this.isAllowed) return;
    this.isAllowed = isAllowed;
    this.onShown();
  }

  onShown() {
    const { isShown, board } = this;
    board.toggleAttribute('data-editing', isShown);
    board.toggleAttribute('data-waiting', this.isWanted && !isShown);
    if (isShown === (this.presence !== null)) return;
    board.feed?.ask();
    board.piece('collab-title').setEditable(isShown);
    if (isShown && board.config) {
      this.presence = new Presence(board, this.awareness, board.config.user);
      this.presence.tell({ panel: null, editing: true });
      this.redraw();
      this.updateUndo();
    } else {
      this.mover?.drop();
      this.closeSheet();
      this.presence?.end();
      this.presence = null;
    }
  }

  /** Draw the layout, once for all that changes at a time. */
  redraw() {
    if (!this.isShown || this.isAsked) return;
    this.isAsked = true;
    queueMicrotask(() => {
      this.isAsked = false;
      if (this.isShown) this.draw();
    });
  }

  draw() {
    const { held } = this.mover ?? {};
    if (held && !this.panels.has(held.id)) this.mover?.drop();
    const places = this.mover?.places ?? placesIn(this.panels);
    this.grid.draw(arrange(places), held?.isMoving ? held.id : null);
    this.mover?.carry();
    this.board.charts?.giveAll();
    this.presence?.draw();
    this.sheet?.update();
  }

  /** Values that came before their panel was made are not there: ask for them again. */
  fillSoon() {
    clearTimeout(this.filling);
    this.filling = setTimeout(() => {
      if (this.isShown && this.grid.hasEmpty) this.board.feed?.ask();
    }, FILLED_MS);
  }

  /** @param {import('./arrange.js').Cells | null} cells where a dragged panel would go */
  showDrop(cells) {
    const over = this.board.querySelector('.board__over');
    let mark = /** @type {HTMLElement | null} */ (over?.querySelector('.drop') ?? null);
    if (!cells) return mark?.remove();
    if (!mark) {
      mark = document.createElement('div');
      mark.className = 'drop';
      over?.append(mark);
    }
    for (const side of /** @type {const} */ (['x', 'y', 'w', 'h'])) {
      mark.style.setProperty(`--${side}`, String(cells[side]));
    }
  }

  /** @param {string} text for who listens */
  announce(text) {
    const line = document.getElementById('announce');
    if (line) line.textContent = text;
  }

  /** @param {string} id */
  titleOf(id) {
    const map = this.panels.get(id);
    return (map && optionsIn(map).title) || gettext('Untitled panel');
  }

  // What the person does

  /** @returns {Record<string, (panel: string) => void>} */
  get acts() {
    return {
      edit: (id) => this.open(id),
      rename: (id) => this.rename(id),
      duplicate: (id) => this.duplicate(id),
      remove: (id) => this.remove(id),
      up: (id) => this.mover?.step(id, 0, -1),
      down: (id) => this.mover?.step(id, 0, 1),
      undo: () => this.undo.undo(),
      redo: () => this.undo.redo(),
      settings: () => this.openSettings(),
      'close-sheet': () => this.closeSheet(),
    };
  }

  /** @param {MouseEvent} event */
  onClick = ({ target }) => {
    if (!this.isShown || !(target instanceof Element)) return;
    const button = target.closest('[data-act], [data-add], .panel__grip');
    if (!(button instanceof HTMLElement) || button.getAttribute('aria-disabled') === 'true') return;
    const panel = /** @type {HTMLElement | null} */ (button.closest('.panel'))?.dataset.panel ?? '';
    const { act, add } = button.dataset;
    if (add) this.add(add);
    else if (act) this.acts[act]?.(panel);
    // A press of Enter on the handle; the pointer drags by it.
    else if (button.matches(':focus-visible')) this.open(panel);
    if (add) button.closest('details')?.removeAttribute('open');
  };

  /** @param {MouseEvent} event */
  onDouble = ({ target }) => {
    if (!this.isShown || !(target instanceof Element)) return;
    const title = target.closest('.panel__title');
    const panel = /** @type {HTMLElement | null} */ (title?.closest('.panel') ?? null);
    if (panel?.dataset.panel) this.rename(panel.dataset.panel);
  };

  /** @param {PointerEvent} event */
  onPointer = ({ clientX, clientY, target }) => {
    if (!this.presence || !this.mover || !(target instanceof Element)) return;
    const isIn = target.closest('.board__main') !== null;
    const { width } = this.grid.element.getBoundingClientRect();
    const { x, y } = this.mover.inGrid({ clientX, clientY });
    const pointer = isIn && width > 0 ? { x: x / width, y: y / this.mover.measure.row } : null;
    this.presence.tellSoon({ pointer });
  };

  /** @param {KeyboardEvent} event */
  onKey = (event) => {
    const key = event.key.toLowerCase();
    const isMod = (event.ctrlKey || event.metaKey) && !event.altKey;
    if (!this.isShown || !isMod || (key !== 'z' && key !== 'y') || event.defaultPrevented) return;
    // What is not written yet, the field takes back by itself.
    if (event.target instanceof HTMLElement && event.target.dataset.dirty) return;
    event.preventDefault();
    if (key === 'y' || event.shiftKey) this.undo.redo();
    else this.undo.undo();
  };

  /**
   * As a step of its own, which is undone by itself.
   *
   * @param {() => void} edit
   */
  asStep(edit) {
    this.undo.stopCapturing();
    this.doc.transact(edit, EDIT);
    this.undo.stopCapturing();
  }

  /** @param {string} kind */
  add(kind) {
    if (!this.hasRoom()) return;
    const [w, h] = SIZES[kind] ?? SIZES.timeseries;
    const place = spotFor(placesIn(this.panels), w, h);
    const id = newId();
    /** @type {Record<string, Record<string, unknown>>} */
    const queries = kind === 'text' ? {} : { a: {} };
    this.asStep(() => this.panels.set(id, panelWith({ kind, title: '', ...place }, queries)));
    this.show(id);
    this.open(id);
  }

  /** @param {string} id */
  duplicate(id) {
    const map = this.panels.get(id);
    if (!map || !this.hasRoom()) return;
    const places = placesIn(this.panels);
    const { w, h } = placeOf(map);
    const own = newId();
    this.asStep(() => {
      const copy = copyOf(map);
      for (const [key, value] of Object.entries(spotFor(places, w, h, id))) copy.set(key, value);
      this.panels.set(own, copy);
    });
    this.show(own);
  }

  hasRoom() {
    if (panelsIn(this.panels).length < PANELS_AT_MOST) return true;
    this.announceLoud(gettext('There are as many panels as a dashboard can have.'));
    return false;
  }

  /** @param {string} text */
  announceLoud(text) {
    this.toast?.say(text);
  }

  /** @param {string} id */
  remove(id) {
    if (!this.panels.has(id)) return;
    const title = this.titleOf(id);
    if (this.sheet?.id === id) this.closeSheet();
    const panel = this.grid.panel(id);
    if (panel?.contains(document.activeElement)) {
      const next = panel.nextElementSibling ?? panel.previousElementSibling;
      /** @type {HTMLElement | null} */ (next?.querySelector('.panel__grip') ?? null)?.focus();
    }
    this.asStep(() => this.panels.delete(id));
    this.toast?.offerUndo(interpolate(gettext('Removed “%(title)s”.'), { title }, true));
  }

  /** @param {string} id */
  rename(id) {
    const map = this.panels.get(id);
    const panel = this.grid.panel(id);
    if (map && panel) rename(panel, map, this.undo);
  }

  /** @param {string} id the panel's editor */
  open(id) {
    if (!this.panels.has(id)) return;
    this.settingsSheet?.close();
    this.sheet?.open(id);
    this.presence?.tell({ panel: id });
  }

  openSettings() {
    this.sheet?.close();
    this.settingsSheet?.open();
  }

  /** @returns {boolean} whether one was open */
  closeSheet() {
    const isOpen = Boolean(this.sheet?.id || this.settingsSheet?.isOpen);
    const id = this.sheet?.id;
    this.sheet?.close();
    this.settingsSheet?.close();
    if (id) this.presence?.tell({ panel: null });
    return isOpen;
  }

  /** @param {string} id bring it into sight */
  show(id) {
    this.draw();
    const panel = this.grid.panel(id);
    panel?.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  }

  /**
   * @param {unknown} place somebody's panel, or where they point
   * @returns {boolean}
   */
  reveal(place) {
    if (typeof place === 'string') {
      const panel = this.grid.panel(place);
      panel?.scrollIntoView({ block: 'center', behavior: 'smooth' });
      return panel !== null;
    }
    const y = /** @type {{ y?: unknown } | null} */ (place)?.y;
    if (typeof y !== 'number' || !this.mover) return false;
    const { top } = this.grid.element.getBoundingClientRect();
    scrollTo({
      top: scrollY + top + y * this.mover.measure.row - innerHeight / 2,
      behavior: 'smooth',
    });
    return true;
  }

  onVariables() {
    this.settingsSheet?.update();
    if (this.isShown) this.board.control('collab-variables').reloadSoon();
  }

  updateUndo() {
    const { undoStack, redoStack } = this.undo;
    for (const [act, stack] of /** @type {const} */ ([
      ['undo', undoStack],
      ['redo', redoStack],
    ])) {
      const button = this.board.querySelector(`.controls [data-act="${act}"]`);
      button?.setAttribute('aria-disabled', String(stack.length === 0));
    }
  }

  /** @returns {object} the layout as plain values */
  plain() {
    const { panels, variables, settings, title } = this;
    return {
      title: title.toString(),
      panels: panels.toJSON(),
      variables: variables.toJSON(),
      settings: settings.toJSON(),
    };
  }
}
