/**
 * `<collab-chart>`: lines over time of one panel.
 *
 * It draws what it was given last, when it is in sight, once per frame of the screen. Moving about
 * in the page does not end it, so that panels can be put in order around their charts.
 */
import uPlot from 'uplot';
import { onScheme } from './colours.js';
import { figuresOf, shownOf, valueAt } from './columns.js';
import { Legend } from './legend.js';
import { optionsOf } from './options.js';
import { dataOf, plotOf, shapeOf, unitOf } from './plot.js';
import { Tip } from './tip.js';
import { shown } from './units.js';
import { moment } from './zones.js';

/** Charts that are about to be scrolled into sight are drawn, too. */
const NEAR = '200px';
/** A drag as short as this was meant as a click. */
const SHORTEST_ZOOM_MS = 1000;

/**
 * @typedef {object} Given what the dashboard gives a chart to show
 * @property {import('./points.js').Held} held
 * @property {[number, number]} span
 * @property {string} zone
 */

export class CollabChart extends HTMLElement {
  /** @type {AbortController | null} */
  listeners = null;
  /** @type {Given | null} */
  given = null;
  /** @type {uPlot | null} */
  plot = null;
  shape = '';
  /** What its frame was made for. */
  framed = '';
  /** @type {{ held: import('./points.js').Held | null, span: [number, number] }} */
  drawn = { held: null, span: [0, 0] };
  /** @type {Set<string>} names of lines that the person switched off */
  switchedOff = new Set();
  /** The point that keys have gone to. */
  at = -1;
  /** The plot has what the legend leaves of the panel. */
  resized = new ResizeObserver(() => this.ask());
  isInSight = false;
  isDragging = false;
  isAsked = false;

  connectedCallback() {
    if (this.listeners) return;
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    const sight = new IntersectionObserver(
      ([{ isIntersecting }]) => {
        this.isInSight = isIntersecting;
        this.ask();
      },
      { rootMargin: NEAR },
    );
    sight.observe(this);
    signal.addEventListener('abort', () => {
      sight.disconnect();
      this.resized.disconnect();
      this.clear();
    });
    onScheme(() => {
      this.shape = ''; // other colours
      this.ask();
    }, signal);
    this.addEventListener('keydown', this.onKey, { signal });
    this.addEventListener('blur', () => this.leave(), { signal, capture: true });
    window.addEventListener('pointerup', this.onRelease, { signal });
    this.dispatchEvent(new CustomEvent('chart', { bubbles: true }));
  }

  connectedMoveCallback() {}

  disconnectedCallback() {
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.listeners?.abort();
      this.listeners = null;
    });
  }

  get panel() {
    return /** @type {HTMLElement} */ (this.closest('.panel'));
  }

  get isSpark() {
    return this.panel.dataset.kind === 'stat';
  }

  /** @returns {import('./plot.js').Drawing} */
  get drawing() {
    const { held, span, zone } = /** @type {Given} */ (this.given);
    const options = optionsOf(this.panel);
    const { switchedOff: hidden, isSpark } = this;
    return isSpark
      ? { held: firstOf(held), options: sparked(options), hidden: new Set(), span, zone, isSpark }
      : { held, options, hidden, span, zone, isSpark };
  }

  /** @param {Given | null} given */
  show(given) {
    this.given = given;
    this.ask();
  }

  /** Draw soon. */
  ask() {
    if (this.isAsked || !this.isInSight || !this.isConnected) return;
    this.isAsked = true;
    requestAnimationFrame(() => {
      this.isAsked = false;
      this.draw();
    });
  }

  draw() {
    if (!this.isConnected || this.isDragging) return;
    const isEmpty = !this.given || this.given.held.head.lines.length === 0;
    this.toggleAttribute('data-empty', this.given !== null && isEmpty);
    if (isEmpty) return this.clear();
    this.frame();
    const { drawing } = this;
    this.explain(drawing);
    const { width, height } = this.size;
    if (width < 20 || height < 20) return;
    const shape = shapeOf(drawing);
    const { held, span } = drawing;
    const { plot, drawn } = this;
    if (!plot || shape !== this.shape) {
      this.make(shape, { width, height });
    } else {
      const isResized = plot.width !== width || plot.height !== height;
      if (isResized) plot.setSize({ width, height });
      const isSame = drawn.held === this.given?.held && drawn.span.join() === span.join();
      if (isSame && !isResized) return;
      plot.setData(dataOf(drawing));
    }
    this.drawn = { held: this.given?.held ?? held, span };
    this.tell();
  }

  get size() {
    const box = /** @type {HTMLElement} */ (this.querySelector('.chart__plot'));
    return { width: box.clientWidth, height: box.clientHeight };
  }

  /** What stands around the plot, once; another kind of panel has another frame. */
  frame() {
    const kind = this.isSpark ? 'spark' : 'whole';
    if (this.framed === kind && this.querySelector('.chart__plot')) return;
    this.clear();
    this.framed = kind;
    this.legend = this.tip = undefined;
    const box = document.createElement('div');
    box.className = 'chart__plot';
    this.replaceChildren(box);
    this.resized.disconnect();
    this.resized.observe(box);
    if (this.isSpark) {
      box.setAttribute('aria-hidden', 'true');
      return;
    }
    box.tabIndex = 0;
    box.setAttribute('role', 'slider');
    this.legend = new Legend((hidden) => {
      this.switchedOff = hidden;
      this.ask();
    });
    this.tip = new Tip();
    this.append(this.legend.element, this.tip.element);
  }

  /**
   * @param {string} shape
   * @param {{ width: number, height: number }} size
   */
  make(shape, size) {
    this.plot?.destroy();
    this.shape = shape;
    const options = plotOf(() => this.drawing, size, {
      setSelect: [(plot) => this.onSelect(plot)],
      setCursor: [(plot) => this.onCursor(plot)],
      ready: [(plot) => this.listen(plot)],
    });
    const box = /** @type {HTMLElement} */ (this.querySelector('.chart__plot'));
    this.plot = new uPlot(options, dataOf(this.drawing), box);
  }

  /** @param {uPlot} plot */
  listen({ over }) {
    over.addEventListener('pointerdown', () => {
      this.isDragging = !this.isSpark;
    });
    over.addEventListener(
      'dblclick',
      (event) => {
        event.stopImmediatePropagation();
        this.dispatchEvent(new CustomEvent('zoomback', { bubbles: true }));
      },
      { capture: true },
    );
  }

  onRelease = () => {
    if (!this.isDragging) return;
    this.isDragging = false;
    this.ask();
  };

  /** @param {uPlot} plot */
  onSelect(plot) {
    const { left, width } = plot.select;
    if (width === 0) return;
    const [from, to] = [left, left + width].map((x) => plot.posToVal(x, 'x'));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.isDragging = false;
    if (to - from < SHORTEST_ZOOM_MS) return;
    this.dispatchEvent(new CustomEvent('zoom', { bubbles: true, detail: { from, to } }));
  }

  /** @param {uPlot} plot the cursor moved, here or in another chart */
  onCursor(plot) {
    if (!this.given || this.isSpark) return;
    const index = plot.cursor.idx ?? null;
    const { drawing } = this;
    const isHere = plot.over.matches(':hover') || this.at >= 0;
    this.legend?.point(drawing, index);
    this.tip?.show(isHere ? index : null, drawing, plot);
  }

  /**
   * Say beside the lines what they are. The plot has what that leaves of the panel, so it comes
   * first: a plot that is drawn larger shows no axis until it is drawn again.
   *
   * @param {import('./plot.js').Drawing} drawing
   */
  explain(drawing) {
    this.legend?.show(drawing, figuresOf(drawing.held));
    this.legend?.point(drawing, this.plot?.cursor.idx ?? null);
  }

  /** Say what is drawn to who does not see the lines. */
  tell() {
    const { drawing } = this;
    if (this.isSpark) return;
    const box = /** @type {HTMLElement} */ (this.querySelector('.chart__plot'));
    const last = Math.max(drawing.held.at.length - 1, 0);
    const label = gettext('%(title)s: values over time, arrow keys go through them');
    const words = interpolate(label, { title: drawing.options.title || gettext('Chart') }, true);
    setAttributes(box, {
      'aria-label': words,
      'aria-valuemin': '0',
      'aria-valuemax': String(last),
    });
    if (this.at < 0) this.say(last);
  }

  /** @param {number} index of the point to tell */
  say(index) {
    const { held, options, zone } = this.drawing;
    const box = /** @type {HTMLElement} */ (this.querySelector('.chart__plot'));
    const unit = unitOf(this.drawing);
    const lines = shownOf(held, this.switchedOff, options.nulls === 'zero');
    const values = lines.map(
      ({ name, value }) => `${name} ${shown(valueAt(value, index), unit, options.decimals)}`,
    );
    const at = held.at[index];
    const text =
      at === undefined ? gettext('No data') : `${moment(at, zone)}: ${values.join(', ')}`;
    setAttributes(box, { 'aria-valuenow': String(index), 'aria-valuetext': text });
  }

  /** @param {KeyboardEvent} event */
  onKey = (event) => {
    const { plot } = this;
    if (!plot || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!(event.target instanceof Element && event.target.matches('.chart__plot'))) return;
    if (event.key === 'Escape') {
      this.leave();
      return;
    }
    const at = this.next(event.key, event.shiftKey ? 10 : 1);
    if (at === null) return;
    event.preventDefault();
    this.at = at;
    this.say(at);
    const left = plot.valToPos(plot.data[0][at], 'x');
    plot.setCursor({ left, top: plot.over.clientHeight / 2 });
  };

  /**
   * @param {string} key
   * @param {number} by
   * @returns {number | null}
   */
  next(key, by) {
    const last = (this.given?.held.at.length ?? 0) - 1;
    if (last < 0) return null;
    const from = this.at < 0 ? last + 1 : this.at;
    switch (key) {
      case 'ArrowLeft':
      case 'ArrowDown':
        return Math.max(from - by, 0);
      case 'ArrowRight':
      case 'ArrowUp':
        return Math.min(from + by, last);
      case 'Home':
        return 0;
      case 'End':
        return last;
      default:
        return null;
    }
  }

  /** Keys no longer point at a value. */
  leave() {
    if (this.at < 0) return;
    this.at = -1;
    this.plot?.setCursor({ left: -10, top: -10 });
    this.tip?.show(null);
  }

  clear() {
    this.plot?.destroy();
    this.plot = null;
    this.replaceChildren();
  }
}

/**
 * @param {Element} element
 * @param {Record<string, string>} attributes
 */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
}

/**
 * @param {import('./points.js').Held} held
 * @returns {import('./points.js').Held} its first line
 */
const firstOf = (held) => ({
  ...held,
  head: {
    ...held.head,
    lines: held.head.lines.slice(0, 1).map((line) => ({ ...line, band: false })),
  },
  values: held.values.slice(0, 1),
});

/** @param {import('./options.js').Options} options */
const sparked = (options) => ({ ...options, style: 'area', stacked: false, thresholds: [] });
