/** `<collab-rights>`: hears what the server says about this page's rights, in a hidden fragment. */

export class CollabRights extends HTMLElement {
  observer = new MutationObserver(() => this.tell());

  /** @param {import('./ledger.js').Ledger} ledger */
  bind(ledger) {
    this.ledger = ledger;
    this.observer.observe(this, { subtree: true, childList: true, attributes: true });
  }

  disconnectedCallback() {
    this.observer.disconnect();
  }

  /** The socket itself takes the right to write away; only getting it needs a new page. */
  tell() {
    const fragment = /** @type {HTMLElement | null} */ (this.querySelector('#rights'));
    if (!fragment || !this.ledger) return;
    const offered = fragment.dataset.canWrite === 'true' && !this.ledger.state.canWrite;
    if (offered !== this.ledger.state.offered) this.ledger.note({ type: 'offered', offered });
  }
}
