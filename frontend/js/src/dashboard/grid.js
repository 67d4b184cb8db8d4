/** The grid while it is edited: panels where they are, made and removed as the layout says. */
import { kindOf, optionsIn, panelsIn } from './layout.js';
import { putOptions } from './options.js';

/** @typedef {import('./arrange.js').Cells} Cells */

const CHARTS = ['timeseries', 'stat'];
const GLIDE_MS = 160;

export class Grid {
  /**
   * @param {HTMLElement} board
   * @param {import('yjs').Map<import('./layout.js').Shared>} panels
   * @param {() => void} onMade a panel was made, without values yet
   */
  constructor(board, panels, onMade) {
    this.board = board;
    this.panels = panels;
    this.onMade = onMade;
  }

  get hasEmpty() {
    return this.element.querySelector('.values:empty') !== null;
  }

  get element() {
    return /** @type {HTMLElement} */ (this.board.querySelector('#grid'));
  }

  /** @param {string} id */
  panel(id) {
    return document.getElementById(`panel-${id}`);
  }

  /**
   * @param {Map<string, Cells>} cells in reading order
   * @param {string | null} held the panel under somebody's pointer, which does not glide
   */
  draw(cells, held) {
    const before = this.boxes();
    for (const panel of this.element.querySelectorAll('.panel')) {
      if (!cells.has(/** @type {HTMLElement} */ (panel).dataset.panel ?? '')) panel.remove();
    }
    const maps = new Map(panelsIn(this.panels));
    const shown = [...cells].map(([id, place]) => {
      const panel = this.panel(id) ?? this.make(id);
      put(panel, place);
      const map = maps.get(id);
      if (map) this.shape(panel, map);
      return panel;
    });
    this.order(shown);
    this.glide(before, held);
  }

  /** @returns {Map<Element, DOMRect>} */
  boxes() {
    const panels = [...this.element.querySelectorAll('.panel')];
    return new Map(panels.map((panel) => [panel, panel.getBoundingClientRect()]));
  }

  /**
   * @param {string} id
   * @returns {HTMLElement} an empty panel, in the page
   */
  make(id) {
    const shell = /** @type {HTMLTemplateElement} */ (document.getElementById('panel-shell'));
    const made = document.importNode(shell.content, true);
    const panel = /** @type {HTMLElement} */ (made.querySelector('.panel'));
    const title = /** @type {HTMLElement} */ (panel.querySelector('.panel__title'));
    panel.id = `panel-${id}`;
    panel.dataset.panel = id;
    title.id = `name-${id}`;
    panel.setAttribute('aria-labelledby', title.id);
    const csv = /** @type {HTMLAnchorElement} */ (panel.querySelector('[data-csv]'));
    csv.setAttribute('href', `panels/${id}/csv`);
    const values = document.createElement('div');
    values.id = `values-${id}`;
    values.className = 'values';
    panel.querySelector('.panel__body')?.append(values);
    this.element.append(panel);
    this.onMade();
    return panel;
  }

  /**
   * @param {HTMLElement} panel
   * @param {import('./layout.js').Shared} map
   */
  shape(panel, map) {
    const options = optionsIn(map);
    const title = panel.querySelector('.panel__title');
    if (title && title.textContent !== options.title) title.textContent = options.title;
    putOptions(panel, options);
    const chart = panel.querySelector('collab-chart');
    const isChart = CHARTS.includes(kindOf(map));
    if (chart && !isChart) chart.remove();
    if (!chart && isChart) panel.querySelector('.panel__body')?.prepend(chartOf(panel));
  }

  /**
   * Keep panels in the page as they are read, without taking the focus from one.
   *
   * @param {HTMLElement[]} shown
   */
  order(shown) {
    const { element } = this;
    const isOrdered = [...element.querySelectorAll('.panel')].every(
      (each, at) => each === shown[at],
    );
    if (isOrdered) return;
    const focused = document.activeElement;
    for (const panel of shown) {
      if (element.moveBefore) element.moveBefore(panel, null);
      else element.append(panel);
    }
    if (focused instanceof HTMLElement && focused !== document.activeElement) {
      focused.focus({ preventScroll: true });
    }
  }

  /**
   * @param {Map<Element, DOMRect>} before
   * @param {string | null} held
   */
  glide(before, held) {
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    for (const [panel, was] of before) {
      if (!(panel instanceof HTMLElement) || !panel.isConnected || panel.dataset.panel === held)
        continue;
      const is = panel.getBoundingClientRect();
      const [x, y] = [was.left - is.left, was.top - is.top];
      if (x === 0 && y === 0) continue;
      panel.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: 'none' }], {
        duration: GLIDE_MS,
        easing: 'ease-out',
      });
    }
  }
}

/**
 * @param {HTMLElement} panel
 * @param {Cells} cells
 */
function put(panel, { x, y, w, h }) {
  const wanted = [`x${x}`, `y${y}`, `w${w}`, `h${h}`];
  if (wanted.every((name) => panel.classList.contains(name))) return;
  const others = [...panel.classList].filter((name) => !/^[xywh]\d+$/.test(name));
  panel.className = [...others, ...wanted].join(' ');
}

/** @param {HTMLElement} panel */
function chartOf({ dataset }) {
  const chart = document.createElement('collab-chart');
  chart.className = 'chart';
  chart.id = `chart-${dataset.panel}`;
  chart.dataset.panel = dataset.panel;
  chart.setAttribute('hx-morph-skip', '');
  return chart;
}
