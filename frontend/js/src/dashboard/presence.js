/**
 * What others do in the same layout: who edits which panel, what they drag, where they point.
 *
 * Presence is written by others: each value is looked at before it is used.
 */
import { colourOf } from '../caret.js';
import { COLUMNS, clamp, HEIGHT_AT_MOST } from './arrange.js';

/**
 * @typedef {import('./arrange.js').Cells} Cells
 * @typedef {Cells & { panel: string }} Drag
 * @typedef {{ x: number, y: number }} Pointer `x` in parts of the grid's width, `y` in rows
 */

const SOON_MS = 50;
const ROWS_AT_MOST = 1500;

export class Presence {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer = undefined;
  /** @type {Record<string, unknown>} */
  waiting = {};

  /**
   * @param {HTMLElement} board
   * @param {import('y-protocols/awareness').Awareness} awareness
   * @param {object} user
   */
  constructor(board, awareness, user) {
    this.board = board;
    this.awareness = awareness;
    this.user = user;
    awareness.on('change', this.draw);
  }

  end() {
    clearTimeout(this.timer);
    this.awareness.off('change', this.draw);
    this.awareness.setLocalState(null);
    this.draw();
  }

  /** @param {{ panel?: string | null, editing?: boolean, drag?: Drag | null }} values */
  tell(values) {
    clearTimeout(this.timer);
    this.timer = undefined;
    const own = this.awareness.getLocalState() ?? {
      panel: null,
      editing: true,
      drag: null,
      pointer: null,
    };
    this.awareness.setLocalState({ ...own, user: this.user, ...this.waiting, ...values });
    this.waiting = {};
  }

  /**
   * Tell what changes all the time, a few times per second.
   *
   * @param {{ drag?: Drag | null, pointer?: Pointer | null }} values
   */
  tellSoon(values) {
    Object.assign(this.waiting, values);
    this.timer ??= setTimeout(() => this.tell({}), SOON_MS);
  }

  /** @returns {{ id: number, user: { id: string, name: string, color: string }, panel: string | null, drag: Drag | null, pointer: Pointer | null }[]} */
  get others() {
    return [...this.awareness.getStates()].flatMap(([id, state]) => {
      if (id === this.awareness.clientID || !state?.editing) return [];
      const { user = {}, panel, drag, pointer } = state;
      return [
        {
          id,
          user: {
            id: String(user.id ?? ''),
            name: String(user.name ?? '').slice(0, 60),
            color: colourOf(user.color),
          },
          panel: typeof panel === 'string' ? panel : null,
          drag: dragIn(drag),
          pointer: pointerIn(pointer),
        },
      ];
    });
  }

  draw = () => {
    const over = this.board.querySelector('.board__over');
    if (!over) return;
    const { others } = this;
    this.drawEditors(others);
    const marks = others.flatMap(({ id, user, drag, pointer }) => [
      ...(drag ? [ghostOf(`ghost-${id}`, user, drag)] : []),
      ...(pointer && !drag ? [pointerOf(`pointer-${id}`, user, pointer)] : []),
    ]);
    // Marks stay the same elements, so that they glide.
    const known = new Map(
      [...over.querySelectorAll('.ghost, .pointer')].map((mark) => [mark.id, mark]),
    );
    for (const mark of marks) {
      const old = known.get(mark.id);
      known.delete(mark.id);
      if (old instanceof HTMLElement) old.style.cssText = mark.style.cssText;
      else over.append(mark);
    }
    for (const mark of known.values()) mark.remove();
  };

  /** @param {Presence['others']} others */
  drawEditors(others) {
    for (const place of this.board.querySelectorAll('.panel__editors')) {
      const panel = /** @type {HTMLElement | null} */ (place.closest('.panel'))?.dataset.panel;
      const here = others.filter((other) => other.panel === panel);
      const names = here.map(({ user }) => user.name).join('\n');
      if (/** @type {HTMLElement} */ (place).dataset.names === names) continue;
      /** @type {HTMLElement} */ (place).dataset.names = names;
      place.replaceChildren(
        ...here.map(({ user }) => {
          const chip = document.createElement('span');
          chip.className = 'editor-chip';
          chip.style.setProperty('--person', user.color);
          const words = gettext('%(name)s is editing this panel');
          chip.textContent = interpolate(words, { name: user.name }, true);
          return chip;
        }),
      );
    }
  }
}

/**
 * @param {unknown} value
 * @returns {value is number}
 */
const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

/**
 * @param {any} drag
 * @returns {Drag | null}
 */
function dragIn(drag) {
  if (typeof drag?.panel !== 'string') return null;
  const { panel, x, y, w, h } = drag;
  if (![x, y, w, h].every(isNumber)) return null;
  const wide = clamp(Math.round(w), 1, COLUMNS);
  return {
    panel,
    x: clamp(Math.round(x), 0, COLUMNS - wide),
    y: clamp(Math.round(y), 0, ROWS_AT_MOST),
    w: wide,
    h: clamp(Math.round(h), 1, HEIGHT_AT_MOST),
  };
}

/**
 * @param {any} pointer
 * @returns {Pointer | null}
 */
const pointerIn = (pointer) =>
  isNumber(pointer?.x) && isNumber(pointer?.y)
    ? { x: clamp(pointer.x, 0, 1), y: clamp(pointer.y, 0, ROWS_AT_MOST) }
    : null;

/**
 * @param {string} id
 * @param {string} kind
 * @param {{ name: string, color: string }} user
 */
function markOf(id, kind, user) {
  const mark = document.createElement('div');
  mark.id = id;
  mark.className = kind;
  mark.style.setProperty('--person', user.color);
  const name = document.createElement('span');
  name.className = 'mark__name';
  name.textContent = user.name;
  mark.append(name);
  return mark;
}

/**
 * @param {string} id
 * @param {{ name: string, color: string }} user
 * @param {Drag} drag
 */
function ghostOf(id, user, drag) {
  const ghost = markOf(id, 'ghost', user);
  for (const side of /** @type {const} */ (['x', 'y', 'w', 'h'])) {
    ghost.style.setProperty(`--${side}`, String(drag[side]));
  }
  return ghost;
}

/**
 * @param {string} id
 * @param {{ name: string, color: string }} user
 * @param {Pointer} pointer
 */
function pointerOf(id, user, { x, y }) {
  const mark = markOf(id, 'pointer', user);
  mark.style.setProperty('--at-x', String(x));
  mark.style.setProperty('--at-y', String(y));
  return mark;
}
