/** `<collab-feed>`: the line that says whether the numbers are live. */
import { isLive } from './selection.js';

export class CollabFeed extends HTMLElement {
  /**
   * @param {import('./feed.js').Feed} feed
   * @param {import('./view.js').View} view
   * @param {AbortSignal} signal
   */
  bind(feed, view, signal) {
    const update = () => {
      const isFixed = feed.state === 'live' && !isLive(view.selection);
      this.show(isFixed ? 'fixed' : feed.state);
    };
    feed.addEventListener('change', update, { signal });
    view.addEventListener('selection', update, { signal });
    update();
  }

  /** @param {import('./feed.js').State | 'fixed'} name */
  show(name) {
    const line = /** @type {HTMLElement} */ (this.querySelector('[role="status"]'));
    if (line.dataset.feed === name) return;
    line.dataset.feed = name;
    line.textContent = words()[name];
  }
}

/** @returns {Record<import('./feed.js').State | 'fixed', string>} */
const words = () => ({
  connecting: gettext('Connecting…'),
  live: gettext('Live'),
  fixed: gettext('Fixed time'),
  paused: gettext('Paused'),
  reconnecting: gettext('Reconnecting…'),
  offline: gettext('Offline'),
  ended: '',
});
