/** The page's one copy of the saving state; fires `change` after each event that altered it. */
import { next, start } from './saving.js';

export class Ledger extends EventTarget {
  /** @param {boolean} canWrite */
  constructor(canWrite) {
    super();
    this.state = start(canWrite);
  }

  /** @param {import('./saving.js').Event} event */
  note(event) {
    this.state = next(this.state, event);
    this.dispatchEvent(new Event('change'));
  }
}
