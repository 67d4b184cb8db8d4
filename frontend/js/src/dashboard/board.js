/**
 * `<collab-dashboard>`: one live dashboard. Who only looks has one socket, with numbers; who edits
 * joins the layout's room as well, as a document's page does.
 */

import { copyOut } from '../clipboard.js';
import { documentWords } from '../closes.js';
import { readConfig } from '../config.js';
import { LiveDocument, nameTab } from '../live.js';
import { nameOfCopy } from '../wipe.js';
import { Actions } from './actions.js';
import { Charts } from './charts.js';
import { Editing } from './editing.js';
import { Feed } from './feed.js';
import { bindKeys } from './keys.js';
import { applyLook, watchStillness } from './look.js';
import { lengthOf, spanOf } from './selection.js';
import { markStale } from './stale.js';
import { View } from './view.js';
import { ownZone } from './zones.js';

/** Pages of many viewers that learn of a change at once ask the server one after another. */
const SPREAD_MS = 4000;
const HOUR_MS = 3_600_000;

/** @typedef {import('../config.js').Config & { dashboardId: string, liveUrl: string }} Config */

export class CollabDashboard extends LiveDocument {
  isJoined = false;
  isGridNew = false;
  /** What the server last said of the variables. */
  variables = '';

  /** @override */
  readConfig() {
    const config = /** @type {Config} */ (readConfig());
    return { ...config, documentId: config.dashboardId };
  }

  /** @override */
  words() {
    return dashboardWords();
  }

  /**
   * @override
   * @param {import('../live.js').Binding} binding
   */
  bindText({ config, provider, title }) {
    const { signal } = this.listeners;
    this.config = /** @type {Config} */ (config);
    this.view = new View(this.otherwise, signal);
    this.charts = new Charts(this, this.view, signal);
    this.feed = this.makeFeed(this.config.liveUrl, signal);
    this.editing = new Editing(this, { doc: this.doc, awareness: provider.awareness, title });
    this.actions = new Actions(this, signal);
    this.bindPieces(signal);
    bindKeys(this, signal);
    watchStillness(this, signal);
    const badges = setInterval(() => markStale(this, () => this.charts?.now ?? 0), 1000);
    signal.addEventListener('abort', () => clearInterval(badges));
    this.addEventListener('htmx:after:swap', ({ target }) => target === this && this.onSwapped(), {
      signal,
    });
    this.addEventListener('zoom', (event) => this.onZoom(event), { signal });
    this.addEventListener('zoomback', () => this.view?.zoomBack(), { signal });
    this.variables = this.grid.dataset.variables ?? '';
    this.onLook();
    this.feed.connect();
  }

  /** @param {AbortSignal} signal */
  bindPieces(signal) {
    const { view, feed, charts } = this;
    if (!view || !feed || !charts) return;
    this.control('collab-feed').bind(feed, view, signal);
    this.control('collab-range').bind(view, () => this.span, signal);
    this.control('collab-variables').bind(view, signal);
    const onSelection = () => {
      feed.isPaused ? feed.resume() : feed.ask();
      charts.giveAll();
    };
    view.addEventListener('selection', onSelection, { signal });
    view.addEventListener('look', () => this.onLook(), { signal });
    feed.addEventListener('change', () => this.actions?.update(), { signal });
  }

  /**
   * @template {keyof import('./parts.js').Parts} Name
   * @param {Name} name
   * @returns {import('./parts.js').Parts[Name]}
   */
  control(name) {
    return /** @type {import('./parts.js').Parts[Name]} */ (this.querySelector(name));
  }

  /** What is shown where the address says nothing. */
  get otherwise() {
    const range = this.grid.dataset.range || '1h';
    return { from: `now-${range}`, to: 'now', tz: ownZone(), variables: {} };
  }

  get grid() {
    return /** @type {HTMLElement} */ (this.querySelector('#grid'));
  }

  /** @returns {[number, number]} what the charts show, Unix ms */
  get span() {
    const { charts, view } = this;
    for (const { head } of charts?.held.values() ?? []) return [head.from, head.to];
    const now = charts?.now ?? Date.now();
    const { selection } = /** @type {View} */ (view);
    return spanOf(selection) ?? [now - (lengthOf(selection) ?? HOUR_MS), now];
  }

  /**
   * @param {string} path
   * @param {AbortSignal} signal
   */
  makeFeed(path, signal) {
    return new Feed(
      path,
      {
        showing: () => this.showing,
        onText: (text) => this.swap(text),
        onFrame: (frame) => {
          if (this.charts?.take(frame) === false) this.feed?.ask();
        },
        onEnd: (code, detail) => this.ledger?.note({ type: 'failed', failure: { code, detail } }),
      },
      { isSeen: () => !document.hidden || this.view?.look.kiosk === true, signal },
    );
  }

  get showing() {
    const { from, to, tz, variables } = /** @type {View} */ (this.view).selection;
    const held = this.charts?.summary ?? {};
    const layout = this.editing?.isShown !== true;
    const language = document.documentElement.lang;
    return { type: 'show', from, to, tz, variables, held, layout, language };
  }

  /** @param {string} text fragments of HTML, each with its target */
  swap(text) {
    this.isGridNew ||= text.includes('hx-target="#grid"');
    htmx.swap({ sourceElement: this, target: this, swap: 'none', text, transition: false });
  }

  onSwapped() {
    const { charts, view } = this;
    if (!charts || !view) return;
    markStale(this, () => charts.now);
    if (!this.isGridNew) return;
    this.isGridNew = false;
    charts.keep((panel) => document.getElementById(`panel-${panel}`) !== null);
    charts.giveAll();
    view.otherwise = this.otherwise;
    if (this.editing?.isShown) this.editing.redraw();
    else this.followLayout();
    applyLook(this, view.look);
  }

  /** Somebody else changed the title or the variables. */
  followLayout() {
    const { title = '', variables = '' } = this.grid.dataset;
    this.showTitle(title);
    if (variables === this.variables) return;
    this.variables = variables;
    this.control('collab-variables').reloadSoon(Math.random() * SPREAD_MS);
  }

  /** @param {string} title */
  showTitle(title) {
    const piece = this.piece('collab-title');
    if (piece.field.value !== title) piece.show(title);
    nameTab(title);
  }

  /** @param {Event} event */
  onZoom(event) {
    const { from, to } = /** @type {CustomEvent<{ from: number, to: number }>} */ (event).detail;
    this.view?.zoom(from, to);
  }

  onLook() {
    const { view, config } = this;
    if (!view || !config) return;
    applyLook(this, view.look);
    this.editing?.want(view.look.edit && config.canWrite);
    this.actions?.update();
  }

  /**
   * Who edited here before may have edits in this browser that the server has not seen.
   *
   * @override
   */
  async begin() {
    const { config, editing } = this;
    if (!config?.canWrite) return;
    if (editing?.isWanted || (await isKept(nameOfCopy(config)))) await this.join();
  }

  /** Enter the layout's room. */
  async join() {
    if (this.isJoined) return;
    this.isJoined = true;
    this.toggleAttribute('data-joined', true);
    await super.begin();
  }

  /** @override */
  unbindText() {
    this.editing?.end();
    this.feed?.end();
  }

  /**
   * @override
   * @param {boolean} isEditable
   */
  setEditable(isEditable) {
    this.editing?.allow(isEditable);
    const isOver = this.ledger?.state.canWrite !== true || this.ledger.state.failure !== null;
    this.querySelector('[data-act="toggle-edit"]')?.toggleAttribute('hidden', isOver);
  }

  /**
   * Only while the person edits: `Editing` says when.
   *
   * @override
   * @param {boolean} _isEditable
   */
  setTitleEditable(_isEditable) {}

  /**
   * @override
   * @param {import('../config.js').Config} config
   * @param {import('y-protocols/awareness').Awareness} awareness
   */
  meet(config, awareness) {
    const people = this.piece('collab-people');
    people.bind(
      config.user.id,
      awareness,
      (place) => this.editing?.reveal(place) ?? false,
      ({ panel, drag, pointer }) => panel || drag?.panel || pointer,
      {
        found: gettext('Here is %(name)s.'),
        // Who has not entered the layout's room sees nobody's place in it.
        nowhere: this.isJoined
          ? gettext('%(name)s is only looking.')
          : gettext('%(name)s is here now.'),
      },
    );
  }

  /** @override */
  async copyText() {
    const layout = this.editing?.plain() ?? {};
    return copyOut(JSON.stringify(layout, null, 2));
  }

  /** @override */
  clear() {
    super.clear();
    this.charts?.held.clear();
  }
}

/** @returns {import('../closes.js').Words} */
const dashboardWords = () => ({
  ...documentWords(),
  readOnly: gettext('You can only look at this dashboard now. Your last changes were not saved.'),
  unshared: gettext('This dashboard is no longer shared with you.'),
  deleted: gettext('This dashboard was deleted, or it is no longer shared with you.'),
  reset: gettext('This dashboard was reset meanwhile. Copy what you need, then load it anew.'),
  refused: gettext('The server refused this dashboard.'),
  newer: gettext('This dashboard was edited with a newer version of Collab. Reload to go on.'),
  copy: gettext('Copy the layout'),
  list: gettext('All dashboards'),
});

/**
 * @param {string} name
 * @returns {Promise<boolean>}
 */
async function isKept(name) {
  try {
    return (await indexedDB.databases()).some((each) => each.name === name);
  } catch {
    return false; // storage is switched off
  }
}
