/** Move and resize panels by pointer and by keys; only what is let go is written. */
import { arrange, COLUMNS, clamp, HEIGHT_AT_MOST, placeAt, stepped } from './arrange.js';
import { placesIn, write } from './layout.js';

/**
 * @typedef {import('./arrange.js').Cells} Cells
 *
 * @typedef {object} Held
 * @property {string} id
 * @property {'move' | 'size'} way
 * @property {Cells} wanted where the pointer has it, in cells
 * @property {Cells} from where it was
 * @property {{ x: number, y: number }} start of the pointer, in the grid
 * @property {{ x: number, y: number }} grip from the panel's corner to the pointer
 * @property {{ x: number, y: number }} last of the pointer, in the window
 * @property {boolean} isMoving
 */

/** A press that goes no further is none to drag. */
const SLACK_PX = 4;
const EDGE_PX = 56;
const SCROLL_PX = 14;

export class Mover {
  /** @type {Held | null} */
  held = null;

  /**
   * @param {import('./editing.js').Editing} editing
   * @param {AbortSignal} signal
   */
  constructor(editing, signal) {
    this.editing = editing;
    const { board } = editing;
    board.addEventListener('pointerdown', this.onDown, { signal });
    window.addEventListener('pointermove', this.onMove, { signal });
    window.addEventListener('pointerup', this.onUp, { signal });
    window.addEventListener('pointercancel', () => this.drop(), { signal });
    window.addEventListener('blur', () => this.drop(), { signal });
    board.addEventListener('keydown', this.onKey, { signal });
  }

  get grid() {
    return this.editing.grid;
  }

  /** @returns {import('./arrange.js').Places} where panels are, with the held one where it would go */
  get places() {
    const places = placesIn(this.editing.panels);
    const { held } = this;
    if (!held?.isMoving) return places;
    const own = places[held.id];
    if (!own) return places;
    places[held.id] =
      held.way === 'size'
        ? { ...own, w: held.wanted.w, h: held.wanted.h }
        : placeAt(places, held.id, held.wanted);
    return places;
  }

  /** How wide a column and how high a row is, with its gap. */
  get measure() {
    const { element } = this.grid;
    const style = getComputedStyle(element);
    const gap = Number.parseFloat(style.columnGap) || 0;
    const row = Number.parseFloat(style.gridAutoRows) || 70;
    return { column: (element.clientWidth + gap) / COLUMNS, row: row + gap };
  }

  /** On a phone panels stand in one column, in which nothing can be put anywhere. */
  get isPossible() {
    return this.editing.isShown && !matchMedia('(max-width: 48rem)').matches;
  }

  /** @param {PointerEvent} event */
  onDown = (event) => {
    const { target } = event;
    if (!this.isPossible || event.button !== 0 || !(target instanceof Element)) return;
    const panel = /** @type {HTMLElement | null} */ (target.closest('.panel'));
    const corner = target.closest('.panel__corner');
    const isHandle = target.closest('.panel__grip') !== null;
    const isHead = event.pointerType === 'mouse' && target.closest('.panel__head') !== null;
    if (!panel || target.closest('.panel__menu, .panel__rename')) return;
    if (!corner && !isHandle && !isHead) return;
    const id = panel.dataset.panel ?? '';
    const from = arrange(placesIn(this.editing.panels)).get(id);
    if (!from) return;
    if (!isHandle) event.preventDefault();
    const start = this.inGrid(event);
    const { column, row } = this.measure;
    this.held = {
      id,
      way: corner ? 'size' : 'move',
      from,
      wanted: from,
      start,
      grip: { x: start.x - from.x * column, y: start.y - from.y * row },
      last: { x: event.clientX, y: event.clientY },
      isMoving: false,
    };
  };

  /** @param {{ clientX: number, clientY: number }} point */
  inGrid({ clientX, clientY }) {
    const box = this.grid.element.getBoundingClientRect();
    return { x: clientX - box.left, y: clientY - box.top };
  }

  /** @param {PointerEvent} event */
  onMove = (event) => {
    const { held } = this;
    if (!held) return;
    held.last = { x: event.clientX, y: event.clientY };
    if (!held.isMoving) {
      const { x, y } = this.inGrid(event);
      if (Math.hypot(x - held.start.x, y - held.start.y) < SLACK_PX) return;
      held.isMoving = true;
      this.grid.panel(held.id)?.classList.add(held.way === 'size' ? 'panel--sized' : 'panel--held');
      document.documentElement.classList.add('is-dragging');
      requestAnimationFrame(this.scroll);
    }
    this.follow();
  };

  /** Let the panel follow the pointer. */
  follow() {
    const { held } = this;
    if (!held?.isMoving) return;
    const { x, y } = this.inGrid({ clientX: held.last.x, clientY: held.last.y });
    const { column, row } = this.measure;
    if (held.way === 'size') {
      const w = clamp(
        held.from.w + Math.round((x - held.start.x) / column),
        1,
        COLUMNS - held.from.x,
      );
      const h = clamp(held.from.h + Math.round((y - held.start.y) / row), 1, HEIGHT_AT_MOST);
      held.wanted = { ...held.from, w, h };
    } else {
      const left = Math.round((x - held.grip.x) / column);
      const top = Math.round((y - held.grip.y) / row);
      held.wanted = { ...held.from, x: clamp(left, 0, COLUMNS - held.from.w), y: Math.max(top, 0) };
    }
    this.editing.draw();
    const cells = arrange(this.places).get(held.id);
    if (cells) this.editing.presence?.tellSoon({ drag: { panel: held.id, ...cells } });
  }

  /** Show the moved panel at the pointer, above the place where it would go. */
  carry() {
    const { held } = this;
    const panel = held && this.grid.panel(held.id);
    if (!held?.isMoving || !panel || held.way === 'size') return;
    const { x, y } = this.inGrid({ clientX: held.last.x, clientY: held.last.y });
    const [left, top] = [x - held.grip.x - panel.offsetLeft, y - held.grip.y - panel.offsetTop];
    const box = this.grid.element;
    panel.style.transform = `translate(${left + box.offsetLeft}px, ${top + box.offsetTop}px)`;
    this.editing.showDrop(arrange(this.places).get(held.id) ?? null);
  }

  /** Near an edge of the window the page goes on by itself. */
  scroll = () => {
    const { held } = this;
    if (!held?.isMoving) return;
    const { y } = held.last;
    const by = y < EDGE_PX ? -SCROLL_PX : y > innerHeight - EDGE_PX ? SCROLL_PX : 0;
    if (by !== 0) {
      scrollBy(0, by);
      this.follow();
    }
    requestAnimationFrame(this.scroll);
  };

  onUp = () => {
    const { held } = this;
    if (!held?.isMoving) return this.drop();
    const place = this.places[held.id];
    this.drop();
    if (place) this.put(held.id, place);
  };

  /** Let go, and leave it where it was. */
  drop() {
    const { held } = this;
    if (!held) return;
    this.held = null;
    document.documentElement.classList.remove('is-dragging');
    const panel = this.grid.panel(held.id);
    panel?.classList.remove('panel--held', 'panel--sized');
    panel?.style.removeProperty('transform');
    this.editing.showDrop(null);
    if (!held.isMoving) return;
    this.editing.presence?.tell({ drag: null });
    this.editing.redraw();
  }

  /**
   * @param {string} id
   * @param {import('./arrange.js').Place} place
   */
  put(id, place) {
    const map = this.editing.panels.get(id);
    if (map) write(map, { ...place });
  }

  /** @param {KeyboardEvent} event */
  onKey = (event) => {
    const { target, key } = event;
    if (key === 'Escape' && this.held?.isMoving) {
      event.preventDefault();
      return this.drop();
    }
    if (!this.editing.isShown || !(target instanceof Element)) return;
    const panel = /** @type {HTMLElement | null} */ (target.closest('.panel'));
    if (!panel || !target.closest('.panel__grip')) return;
    const id = panel.dataset.panel ?? '';
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[
      key
    ];
    if (way) {
      event.preventDefault();
      if (event.shiftKey) this.resize(id, way[0], way[1]);
      else this.step(id, way[0], /** @type {-1 | 0 | 1} */ (way[1]));
      target.closest('.panel')?.scrollIntoView({ block: 'nearest' });
    } else if (key === 'Delete' || key === 'Backspace') {
      event.preventDefault();
      this.editing.remove(id);
    }
  };

  /**
   * @param {string} id
   * @param {number} x
   * @param {-1 | 0 | 1} y
   */
  step(id, x, y) {
    const places = placesIn(this.editing.panels);
    const own = places[id];
    if (!own) return;
    const cells = /** @type {Cells} */ (arrange(places).get(id));
    const to = clamp(cells.x + x, 0, COLUMNS - cells.w);
    const place = y === 0 ? (to === cells.x ? null : { ...own, x: to }) : stepped(places, id, y);
    if (!place) return this.editing.announce(gettext('It cannot go further there.'));
    this.put(id, place);
    this.tell(id, gettext('%(title)s: column %(x)s, row %(y)s'));
  }

  /**
   * @param {string} id
   * @param {number} w
   * @param {number} h
   */
  resize(id, w, h) {
    const own = placesIn(this.editing.panels)[id];
    if (!own) return;
    const size = {
      w: clamp(own.w + w, 1, COLUMNS - own.x),
      h: clamp(own.h + h, 1, HEIGHT_AT_MOST),
    };
    this.put(id, { ...own, ...size });
    this.tell(id, gettext('%(title)s: %(w)s columns wide, %(h)s rows high'));
  }

  /**
   * @param {string} id
   * @param {string} words
   */
  tell(id, words) {
    const cells = arrange(placesIn(this.editing.panels)).get(id);
    if (!cells) return;
    const { x, y, w, h } = cells;
    const values = { title: this.editing.titleOf(id), x: x + 1, y: y + 1, w, h };
    this.editing.announce(interpolate(words, values, true));
  }
}
