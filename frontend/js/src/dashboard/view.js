/**
 * What is looked at and how, and the page's address, which says the same.
 *
 * A choice of the person makes a step of the browser's history, so that "back" undoes it; what
 * follows from another choice does not.
 */
import { lookIn, searchOf, selectionIn, zoomed } from './selection.js';

/**
 * @typedef {import('./selection.js').Selection} Selection
 * @typedef {import('./selection.js').Look} Look
 */

export class View extends EventTarget {
  /** @type {Selection[]} where the person zoomed from */
  zooms = [];

  /**
   * @param {Selection} otherwise what is shown where the address says nothing
   * @param {AbortSignal} signal
   */
  constructor(otherwise, signal) {
    super();
    this.otherwise = otherwise;
    this.selection = selectionIn(location.search, otherwise);
    this.look = lookIn(location.search);
    window.addEventListener('popstate', this.read, { signal });
    // The page shows by itself what its address says; htmx would load all of it anew.
    const keep = (/** @type {Event} */ event) => event.preventDefault();
    document.addEventListener('htmx:before:history:restore', keep, { signal });
  }

  read = () => {
    this.zooms = [];
    this.apply(selectionIn(location.search, this.otherwise), lookIn(location.search));
  };

  /** @param {Partial<Selection>} changed */
  select(changed) {
    this.zooms = [];
    this.go({ ...this.selection, ...changed }, this.look);
  }

  /**
   * @param {number} from Unix ms
   * @param {number} to Unix ms
   */
  zoom(from, to) {
    const before = this.selection;
    const { zooms } = this;
    this.go(zoomed(before, from, to), this.look);
    this.zooms = [...zooms, before];
  }

  /** @returns {boolean} whether there was a zoom to come back from */
  zoomBack() {
    const last = this.zooms[this.zooms.length - 1];
    if (!last) return false;
    const zooms = this.zooms.slice(0, -1);
    this.go(last, this.look);
    this.zooms = zooms;
    return true;
  }

  /**
   * @param {Partial<Look>} changed
   * @param {{ isStep?: boolean }} [options]
   */
  show(changed, { isStep = true } = {}) {
    this.go(this.selection, { ...this.look, ...changed }, isStep);
  }

  /**
   * @param {Selection} selection
   * @param {Look} look
   */
  go(selection, look, isStep = true) {
    const search = searchOf(selection, look, this.otherwise);
    const address = `${location.pathname}${search}`;
    if (address === `${location.pathname}${location.search}`) return this.apply(selection, look);
    if (isStep) history.pushState(null, '', address);
    else history.replaceState(null, '', address);
    this.apply(selection, look);
  }

  /**
   * @param {Selection} selection
   * @param {Look} look
   */
  apply(selection, look) {
    const isOther = JSON.stringify(selection) !== JSON.stringify(this.selection);
    const isSeenOtherwise = JSON.stringify(look) !== JSON.stringify(this.look);
    this.selection = selection;
    this.look = look;
    if (isOther) this.dispatchEvent(new Event('selection'));
    if (isSeenOtherwise) this.dispatchEvent(new Event('look'));
  }
}
