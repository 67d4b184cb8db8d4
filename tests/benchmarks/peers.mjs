// Peers that speak the raw protocols, and what a server's processes cost.
// `proto` is 'y' (y-websocket, Collab) or 'hp' (Hocuspocus).
import fs from 'node:fs';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import WebSocket from 'ws';
import * as Y from 'yjs';

const SYNC = 0;
const AWARENESS = 1;
const HOCUSPOCUS_AUTH = 2;
const TICKS_PER_S = 100;

/** An option of the command line: `--name value`. */
export function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
}

export const now = () => performance.now();
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The q-quantile (0 to 1) of some milliseconds, one decimal; null of none. */
export function quantile(values, q) {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return Number(sorted[Math.floor((sorted.length - 1) * q)].toFixed(1));
}

/** What the server's processes (`--pids`, separated by commas) have used, from /proc. */
export class Processes {
  constructor(pids) {
    this.pids = pids.split(',');
  }

  cpuSeconds() {
    return this.#sum((pid) => {
      const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
    });
  }

  rssMb() {
    return this.#memory('VmRSS');
  }

  peakMb() {
    return this.#memory('VmHWM');
  }

  #memory(field) {
    return this.#sum((pid) => {
      const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
      return Number(status.match(new RegExp(`${field}:\\s+(\\d+)`))[1]) / 1024;
    });
  }

  #sum(read) {
    return this.pids.reduce((total, pid) => total + read(pid), 0);
  }
}

/** The options that every script takes, as `Peer` wants them. */
export function target(fallbackDocument) {
  const auth = option('auth');
  return {
    proto: option('proto', 'y'),
    url: option('url'),
    document: option('doc', fallbackDocument),
    headers: auth ? { authorization: auth } : {},
  };
}

/**
 * A document behind a socket. With `live: false` what comes in is kept for `settle`, so that many
 * peers fit into one process that also measures.
 */
export class Peer {
  constructor({ proto, url, document, headers, live = true }) {
    Object.assign(this, { proto, url, document, headers, live });
    this.doc = new Y.Doc();
    this.inbox = [];
    this.bytes = 0;
    this.frames = 0;
    this.doc.on('update', (update, origin) => {
      if (origin !== 'remote') this.#send(SYNC, (e) => this.#syncBody(e, 2, update));
    });
  }

  connect(timeoutMs = 60_000) {
    return new Promise((resolve, reject) => {
      const url = this.proto === 'hp' ? this.url : this.url.replace('{doc}', this.document);
      this.socket = new WebSocket(url, { perMessageDeflate: false, headers: this.headers });
      const timer = setTimeout(() => reject(new Error('no sync in time')), timeoutMs);
      this.onsynced = () => {
        clearTimeout(timer);
        resolve(this);
      };
      this.socket.on('error', reject);
      this.socket.on('close', (code) => this.onclose?.(code));
      this.socket.on('open', () => {
        if (this.proto === 'hp') {
          this.#send(HOCUSPOCUS_AUTH, (e) => {
            encoding.writeVarUint(e, 0);
            encoding.writeVarString(e, '');
            encoding.writeVarString(e, '4.8.0');
          });
        }
        this.#send(SYNC, (e) => this.#syncBody(e, 0, Y.encodeStateVector(this.doc)));
      });
      this.socket.on('message', (data) => this.#receive(data));
    });
  }

  sendPresence(client, clock, state) {
    const inner = encoding.createEncoder();
    encoding.writeVarUint(inner, 1);
    encoding.writeVarUint(inner, client);
    encoding.writeVarUint(inner, clock);
    encoding.writeVarString(inner, JSON.stringify(state));
    this.#send(AWARENESS, (e) => encoding.writeVarUint8Array(e, encoding.toUint8Array(inner)));
  }

  /** Apply what a peer that is not live has kept. */
  settle() {
    for (const update of this.inbox) Y.applyUpdate(this.doc, update, 'remote');
    this.inbox = [];
  }

  close() {
    this.onclose = undefined;
    this.socket?.terminate();
  }

  #receive(data) {
    this.bytes += data.length;
    this.frames++;
    const decoder = decoding.createDecoder(
      new Uint8Array(data.buffer, data.byteOffset, data.length),
    );
    if (this.proto === 'hp') decoding.readVarString(decoder);
    const type = decoding.readVarUint(decoder);
    if (type === AWARENESS) this.onpresence?.(decoding.readVarUint8Array(decoder));
    if (type !== SYNC) return;
    const step = decoding.readVarUint(decoder);
    const payload = decoding.readVarUint8Array(decoder);
    if (step === 0) {
      this.#send(SYNC, (e) => this.#syncBody(e, 1, Y.encodeStateAsUpdate(this.doc, payload)));
      return;
    }
    if (this.live) Y.applyUpdate(this.doc, payload, 'remote');
    else this.inbox.push(payload.slice());
    if (step === 1 && !this.synced) {
      this.synced = true;
      this.onsynced();
    }
  }

  #syncBody(encoder, step, bytes) {
    encoding.writeVarUint(encoder, step);
    encoding.writeVarUint8Array(encoder, bytes);
  }

  #send(type, body) {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const encoder = encoding.createEncoder();
    if (this.proto === 'hp') encoding.writeVarString(encoder, this.document);
    encoding.writeVarUint(encoder, type);
    body(encoder);
    this.socket.send(encoding.toUint8Array(encoder));
  }
}
