// Peers that speak the raw protocols, and what a server's processes cost.
// `proto` is 'y' (y-websocket, Collab) or 'hp' (Hocuspocus).
import fs from 'node:fs';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import WebSocket from 'ws';
import * as Y from 'yjs';

export const SYNC = 0;
export const AWARENESS = 1;
const HOCUSPOCUS_AUTH = 2;
const ACK = 8;

/** An option of the command line: `--name value`. */
export function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
}

/** An option that is a list of numbers, separated by commas. */
export const numbers = (name, fallback) => option(name, fallback).split(',').map(Number);

export const now = () => performance.now();
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const rounded = (number, digits = 2) => Number(number.toFixed(digits));

/** Wait until something holds. Returns whether it did in time. */
export async function until(holds, timeoutMs) {
  for (const end = now() + timeoutMs; now() < end; await sleep(10)) if (holds()) return true;
  return holds();
}

/** The q-quantile (0 to 1) of some milliseconds, one decimal; null of none. */
export function quantile(values, q) {
  if (!values.length) return null;
  const sorted = Float64Array.from(values).sort();
  return rounded(sorted[Math.floor((sorted.length - 1) * q)], 1);
}

/** What the server's processes (`--pids`, separated by commas) have used, from /proc. */
export class Processes {
  constructor(pids = option('pids')) {
    this.pids = pids.split(',');
  }

  /** By the scheduler's own count, in nanoseconds: the other one has steps of 10 ms. */
  cpuSeconds() {
    return this.#sum((pid) => {
      let ns = 0;
      for (const thread of fs.readdirSync(`/proc/${pid}/task`)) {
        ns += Number(fs.readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
      }
      return ns / 1e9;
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

/** What a span of time cost: the servers' CPU, and how busy this process was. */
export class Span {
  constructor(processes) {
    this.processes = processes;
    this.cpu = processes.cpuSeconds();
    this.own = process.cpuUsage();
    this.start = now();
  }

  end() {
    const seconds = (now() - this.start) / 1000;
    const cpu = this.processes.cpuSeconds() - this.cpu;
    const { user, system } = process.cpuUsage(this.own);
    return {
      seconds,
      cpu,
      serverPercent: rounded((cpu / seconds) * 100, 1),
      peersPercent: rounded((user + system) / 1e4 / seconds, 1),
    };
  }
}

const urls = option('url', '').split(',');
const auths = option('auth', '').split(',').filter(Boolean);
const documents = option('docs', '').split(',').filter(Boolean);
export const proto = option('proto', 'y');

/** The name of the n-th document: one that is there, or a new one where any name will do. */
export const documentName = (n = 0) => documents[n] ?? `${process.pid}-${n}`;

/** Where the i-th peer goes, and as whom: peers are spread over servers and authors. */
export function target(i, document = documentName()) {
  const auth = auths[i % (auths.length || 1)];
  return {
    url: urls[i % urls.length].replace('{doc}', document),
    document,
    headers: auth ? { authorization: auth } : {},
  };
}

/**
 * A document behind a socket. With `live: false` what comes in is kept for `settle`, so that many
 * peers fit into one process that also measures.
 */
export class Peer {
  constructor({ url, document, headers }, { live = true } = {}) {
    Object.assign(this, { url, document, headers, live });
    this.doc = new Y.Doc();
    this.inbox = [];
    this.bytes = 0;
    this.frames = 0;
    // When each content frame was sent, from the first that is not acknowledged.
    this.sentAt = [];
    this.acked = 0;
    this.doc.on('update', (update, origin) => {
      if (origin !== 'remote') this.#sendContent(2, update);
    });
  }

  connect(timeoutMs = 60_000) {
    return new Promise((resolve, reject) => {
      const { url, headers } = this;
      this.socket = new WebSocket(url, {
        perMessageDeflate: false,
        skipUTF8Validation: true,
        headers,
      });
      const timer = setTimeout(() => reject(new Error('no sync in time')), timeoutMs);
      this.onsynced = () => {
        clearTimeout(timer);
        resolve(this);
      };
      this.socket.on('error', reject);
      this.socket.on('close', (code) => {
        reject(new Error(`closed with ${code}`));
        this.onclose?.(code);
      });
      this.socket.on('open', () => {
        for (const frame of greeting(this.document, this.doc)) this.socket.send(frame);
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
    if (proto === 'hp') decoding.readVarString(decoder);
    const type = decoding.readVarUint(decoder);
    if (type === AWARENESS) this.onpresence?.(decoding.readVarUint8Array(decoder));
    else if (type === ACK && proto === 'y') this.#acknowledge(decoding.readVarUint(decoder));
    if (type !== SYNC) return;
    const step = decoding.readVarUint(decoder);
    const payload = decoding.readVarUint8Array(decoder);
    if (step === 0) {
      this.#sendContent(1, Y.encodeStateAsUpdate(this.doc, payload));
      return;
    }
    if (this.live) Y.applyUpdate(this.doc, payload, 'remote');
    else this.inbox.push(payload.slice());
    if (step === 1 && !this.synced) {
      this.synced = true;
      this.onsynced();
    }
  }

  #acknowledge(count) {
    const arrived = now();
    for (const sent of this.sentAt.splice(0, count - this.acked)) this.onack?.(arrived - sent);
    this.acked = count;
  }

  #sendContent(step, update) {
    if (this.onack) this.sentAt.push(now());
    else this.acked++;
    this.#send(SYNC, (e) => {
      encoding.writeVarUint(e, step);
      encoding.writeVarUint8Array(e, update);
    });
  }

  #send(type, body) {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send(message(this.document, type, body));
  }
}

function message(document, type, body) {
  const encoder = encoding.createEncoder();
  if (proto === 'hp') encoding.writeVarString(encoder, document);
  encoding.writeVarUint(encoder, type);
  body(encoder);
  return encoding.toUint8Array(encoder);
}

/** The first frames of a connection: who this is (Hocuspocus), and the question for content. */
export function greeting(document, doc) {
  const step1 = message(document, SYNC, (e) => {
    encoding.writeVarUint(e, 0);
    encoding.writeVarUint8Array(e, Y.encodeStateVector(doc));
  });
  if (proto !== 'hp') return [step1];
  const token = message(document, HOCUSPOCUS_AUTH, (e) => {
    encoding.writeVarUint(e, 0);
    encoding.writeVarString(e, '');
    encoding.writeVarString(e, '4.8.0');
  });
  return [token, step1];
}

/** Connect peers, some at a time. */
export async function connectAll(peers, together = 10) {
  for (let at = 0; at < peers.length; at += together) {
    await Promise.all(peers.slice(at, at + together).map((peer) => peer.connect()));
  }
}

/** Print what was measured, and end. */
export function report(figures, good = true) {
  console.log(JSON.stringify(figures));
  process.exit(good ? 0 : 1);
}
