/** All charts of a page, and what they draw, which outlives the elements. */
import { decode } from './frames.js';
import { summary, taken } from './points.js';
import { spanOf } from './selection.js';

/** @typedef {import('./chart.js').CollabChart} CollabChart */

export class Charts {
  /** @type {Map<string, import('./points.js').Held>} */
  held = new Map();
  /** The server's clock against that of this machine. */
  skew = 0;

  /**
   * @param {HTMLElement} root
   * @param {import('./view.js').View} view
   * @param {AbortSignal} signal
   */
  constructor(root, view, signal) {
    this.root = root;
    this.view = view;
    root.addEventListener('chart', ({ target }) => this.give(/** @type {CollabChart} */ (target)), {
      signal,
    });
    for (const chart of this.all) this.give(chart);
  }

  /** @returns {Iterable<CollabChart>} */
  get all() {
    return this.root.querySelectorAll('collab-chart');
  }

  get now() {
    return Date.now() + this.skew;
  }

  /**
   * @param {ArrayBuffer} buffer
   * @returns {boolean} false when something is missing that has to be asked for
   */
  take(buffer) {
    const { tick, entries } = decode(buffer);
    this.skew = tick - Date.now();
    let isWhole = true;
    /** @type {Set<string>} */
    const changed = new Set();
    for (const entry of entries) {
      const { panel } = entry;
      const held = taken(this.held.get(panel), entry);
      if (held) {
        this.held.set(panel, held);
        changed.add(panel);
      } else {
        this.held.delete(panel);
        isWhole = false;
      }
    }
    for (const chart of this.all) if (changed.has(chart.dataset.panel ?? '')) this.give(chart);
    return isWhole;
  }

  /** What the server need not send again. */
  get summary() {
    return summary(this.held);
  }

  /** @param {CollabChart} chart */
  give(chart) {
    const held = this.held.get(chart.dataset.panel ?? '');
    const { selection } = this.view;
    chart.show?.(
      held
        ? { held, span: spanOf(selection) ?? [held.head.from, held.head.to], zone: selection.tz }
        : null,
    );
  }

  /** The span, the zone or a panel's options are others. */
  giveAll() {
    for (const chart of this.all) this.give(chart);
  }

  /** @param {(panel: string) => boolean} isThere forget what panels had that are gone */
  keep(isThere) {
    for (const panel of this.held.keys()) if (!isThere(panel)) this.held.delete(panel);
  }
}
