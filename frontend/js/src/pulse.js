/**
 * Find a connection that is open in name only.
 *
 * When a network goes away without a word, the browser keeps the socket "open" for minutes, and the
 * provider waits 30 s. A page with unconfirmed edits asks sooner: the server answers a sync step 1
 * at once, also while its database is away. No answer means that nobody is there. A browser that
 * says it is off line need not be asked; it may be wrong of a server on the same machine, so the
 * provider tries again from then on, as after any lost connection.
 */
import * as encoding from 'lib0/encoding';
import * as syncProtocol from 'y-protocols/sync';
import { isSettled } from './saving.js';

/** Silence after which the server is asked. */
const QUIET_MS = 5000;
/** Silence after which the connection is given up: the question and its answer had 5 s more. */
const DEAD_MS = 10_000;

/**
 * @param {import('y-websocket').WebsocketProvider} provider
 * @param {import('./ledger.js').Ledger} ledger
 * @param {AbortSignal} signal
 */
export function watchPulse(provider, ledger, signal) {
  let asked = false;
  const giveUp = () => {
    asked = false;
    provider.disconnect();
    provider.connect();
  };
  const timer = setInterval(() => {
    const silence = Date.now() - provider.wsLastMessageReceived;
    if (!provider.wsconnected || isSettled(ledger.state) || silence < QUIET_MS) {
      asked = false;
    } else if (!asked) {
      asked = true;
      ask(provider);
    } else if (silence >= DEAD_MS) {
      giveUp();
    }
  }, 1000);
  const onOffline = () => provider.wsconnected && giveUp();
  window.addEventListener('offline', onOffline, { signal });
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

/** @param {import('y-websocket').WebsocketProvider} provider */
function ask(provider) {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, 0);
  syncProtocol.writeSyncStep1(encoder, provider.doc);
  provider.ws?.send(encoding.toUint8Array(encoder));
}
