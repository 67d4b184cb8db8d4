/** The document's room: an unmodified y-websocket provider, and what it tells the ledger. */
import * as decoding from 'lib0/decoding';
import { WebsocketProvider } from 'y-websocket';
import { DENIED as DENIED_CLOSE, TOO_FAST } from './closes.js';
import { ACK, DENIED } from './frames.js';
import { watchPulse } from './pulse.js';
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
  const provider = new WebsocketProvider(...placeOf(config.socketUrl), doc, {
    connect: false,
    // Tabs meet in the room. Between themselves they would also pass on a copy of another epoch.
    disableBc: true,
    params: { ack: '1', epoch: String(config.epoch) },
    WebSocketPolyfill: carrying(uplink),
  });
  follow(provider, ledger);
  trackEdits({ doc, provider, uplink, note, isLoaded });
  watchPulse(provider, ledger, signal);
  signal.addEventListener('abort', () => provider.destroy(), { once: true });
  return provider;
}

/**
 * @param {WebsocketProvider} provider
 * @param {import('./ledger.js').Ledger} ledger
 */
function follow(provider, ledger) {
  provider.messageHandlers[ACK] = (_encoder, decoder) =>
    ledger.note({ type: 'acked', count: decoding.readVarUint(decoder) });
  provider.messageHandlers[DENIED] = (_encoder, decoder) => {
    decoding.readVarUint(decoder);
    const detail = decoding.readVarString(decoder);
    ledger.note({ type: 'failed', failure: { code: DENIED_CLOSE, detail } });
  };
  provider.on('status', ({ status }) => {
    if (status === 'connected') ledger.note({ type: 'opened' });
  });
  provider.on('sync', (synced) => {
    if (synced) ledger.note({ type: 'synced' });
  });
  provider.on('connection-close', () => ledger.note({ type: 'closed' }));
  provider.on('closed', ({ code, reason }) => {
    if (code === TOO_FAST) setTimeout(() => provider.connect(), COOL_DOWN_MS);
    else ledger.note({ type: 'failed', failure: { code, detail: reason } });
  });
}

/**
 * Tell the ledger of each edit of this page, and whether the connection took it.
 *
 * @param {object} parts
 * @param {import('yjs').Doc} parts.doc
 * @param {WebsocketProvider} parts.provider
 * @param {Uplink} parts.uplink
 * @param {(event: import('./saving.js').Event) => void} parts.note
 * @param {(origin: unknown) => boolean} parts.isLoaded
 */
function trackEdits({ doc, provider, uplink, note, isLoaded }) {
  let taken = 0;
  // The provider listened first: if it sends at all, the uplink has the frame by now.
  doc.on('update', (_update, origin) => {
    if (origin === provider) return;
    const carried = uplink.taken > taken;
    taken = uplink.taken;
    if (!isLoaded(origin)) note({ type: 'edited', carried });
  });
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

/** Django's token: from its cookie, which is the newest, or from any form on the page. */
function csrfToken() {
  const cookie = document.cookie.split('; ').find((pair) => pair.startsWith('csrftoken='));
  if (cookie) return cookie.slice('csrftoken='.length);
  const field = document.querySelector('input[name="csrfmiddlewaretoken"]');
  return field instanceof HTMLInputElement ? field.value : '';
}
