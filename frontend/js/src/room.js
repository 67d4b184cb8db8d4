/** The document's room: an unmodified y-websocket provider, and what it tells the ledger. */
import * as decoding from 'lib0/decoding';
import { WebsocketProvider } from 'y-websocket';
import { TOO_FAST } from './closes.js';
import { csrfToken } from './csrf.js';
import { ACK, DENIED } from './frames.js';
import { watchPulse } from './pulse.js';
import { SCHEMA_VERSION } from './schema.js';
import { carrying } from './socket.js';
import { Uplink } from './uplink.js';
import { pause, post } from './upload.js';

/** Long enough for any rate window to have passed. */
const COOL_DOWN_MS = 5000;

/**
 * @typedef {object} Options
 * @property {import('./config.js').Config} config
 * @property {import('yjs').Doc} doc
 * @property {import('./ledger.js').Ledger} ledger
 * @property {(origin: unknown) => boolean} isLoaded does an update come from the local copy?
 * @property {AbortSignal} signal
 */

/**
 * Make the room's provider. It connects when the caller says so (`provider.connect()`).
 *
 * @param {Options} options
 * @returns {WebsocketProvider}
 */
export function enter({ config, doc, ledger, isLoaded, signal }) {
  const note = ledger.note.bind(ledger);
  const uplink = new Uplink({
    canWrite: config.canWrite,
    maxFrameBytes: config.maxFrameBytes,
    maxUploadBytes: config.maxUploadBytes,
    note,
    post: (updates, until, onProgress) =>
      post(config.updatesUrl, updates, means(), until, onProgress),
  });
  const carried = watchCarriage(doc, uplink);
  /** @type {WebsocketProvider} */
  const provider = new WebsocketProvider(...placeOf(config.socketUrl), doc, {
    connect: false,
    // Tabs meet in the room. Between themselves they would also pass on a copy of another epoch.
    disableBc: true,
    params: { ack: '1', epoch: String(config.epoch), schema: String(SCHEMA_VERSION) },
    WebSocketPolyfill: carrying(uplink, () => provider.awareness.clientID),
  });
  follow(provider, ledger, uplink, signal);
  doc.on('update', (_update, origin) => {
    if (origin !== provider && !isLoaded(origin)) note({ type: 'edited', carried: carried() });
  });
  watchPulse(provider, ledger, signal);
  signal.addEventListener('abort', () => provider.destroy(), { once: true });
  return provider;
}

/**
 * @param {WebsocketProvider} provider
 * @param {import('./ledger.js').Ledger} ledger
 * @param {Uplink} uplink
 * @param {AbortSignal} signal
 */
function follow(provider, ledger, uplink, signal) {
  provider.messageHandlers[ACK] = (_encoder, decoder) =>
    ledger.note({ type: 'acked', count: decoding.readVarUint(decoder) });
  provider.messageHandlers[DENIED] = (_encoder, decoder) => {
    decoding.readVarUint(decoder);
    decoding.readVarString(decoder);
    // A reader's page writes nothing, so it has nothing to lose.
    if (!ledger.state.canWrite) return;
    uplink.stop();
    ledger.note({ type: 'demoted' });
  };
  provider.on('status', ({ status }) => {
    if (status === 'connected') ledger.note({ type: 'opened' });
  });
  provider.on('sync', (synced) => {
    if (synced) ledger.note({ type: 'synced' });
  });
  provider.on('connection-close', () => ledger.note({ type: 'closed' }));
  provider.on('closed', ({ code, reason }) => {
    if (code === TOO_FAST) comeBack(provider, signal);
    else ledger.note({ type: 'failed', failure: { code, detail: reason } });
  });
}

/**
 * @param {WebsocketProvider} provider
 * @param {AbortSignal} signal
 */
function comeBack(provider, signal) {
  const timer = setTimeout(() => provider.connect(), COOL_DOWN_MS);
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
}

/**
 * Find out of each change of the document whether a connection took it.
 *
 * To be called before the provider is made: listeners are called in the order of their coming, and
 * this one has to note what there was before the provider sends.
 *
 * @param {import('yjs').Doc} doc
 * @param {Uplink} uplink
 * @returns {() => boolean} for listeners that come after the provider: was the change taken?
 */
function watchCarriage(doc, uplink) {
  let before = 0;
  doc.on('update', () => {
    before = uplink.taken;
  });
  return () => uplink.taken > before;
}

/**
 * @param {string} path `/ws/documents/<id>`
 * @returns {[string, string]} the server's address and the room's name, as the provider wants them
 */
function placeOf(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const at = url.href.lastIndexOf('/');
  return [url.href.slice(0, at), url.href.slice(at + 1)];
}

/** @returns {import('./upload.js').Means} */
const means = () => ({ fetch: fetch.bind(window), csrfToken, pause, random: Math.random });
