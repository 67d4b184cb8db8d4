// Connections that only count: no document, no copy of what comes in. Thousands of them, or
// hundreds of megabytes, cost this process little.
import { Buffer } from 'node:buffer';
import net from 'node:net';
import * as Y from 'yjs';
import { greeting, proto } from './peers.mjs';

const nothing = new Y.Doc();
// What is read goes here, for all sockets: each piece is looked at before the next is read.
const shared = Buffer.allocUnsafe(2 ** 20);

const BINARY = 2;
const PING = 9;
const PONG = 10;

/** Mask with zeros: the payload stays as it is. */
function framed(payload, opcode = BINARY) {
  const head =
    payload.length < 126
      ? Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0])
      : Buffer.from([0x80 | opcode, 0xfe, payload.length >> 8, payload.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([head, payload]);
}

/** The number of bytes of a frame's header that begins with these bytes, and of its payload. */
function lengths(head) {
  const short = head[1] & 0x7f;
  if (short < 126) return [2, short];
  if (short === 126) return head.length < 4 ? undefined : [4, head.readUInt16BE(2)];
  return head.length < 10 ? undefined : [10, Number(head.readBigUInt64BE(2))];
}

export class Raw {
  bytes = 0;
  frames = 0;
  /** The largest frame that came whole. */
  largest = 0;
  /** With `keeps`: the bytes of it. */
  kept = [];

  constructor({ url, document, headers }, { keeps = false, plain = false, localAddress } = {}) {
    Object.assign(this, { url: new URL(url), document, headers, keeps, plain, localAddress });
    this.head = Buffer.alloc(0);
    this.open = false;
    this.left = 0;
  }

  /** Resolves once the server has answered with all content; with `plain`, when the socket is open. */
  connect(wantedBytes = 0, timeoutMs = 90_000) {
    return new Promise((resolve, reject) => {
      this.wanted = wantedBytes;
      const timer = setTimeout(() => fail(new Error('no sync in time')), timeoutMs);
      const fail = (error) => {
        clearTimeout(timer);
        this.socket.destroy();
        reject(error);
      };
      this.settle = () => {
        clearTimeout(timer);
        resolve(this);
      };
      this.socket = net.connect({
        host: this.url.hostname,
        port: Number(this.url.port),
        localAddress: this.localAddress,
        noDelay: true,
        onread: {
          buffer: shared,
          callback: (size, buffer) => {
            this.#take(buffer.subarray(0, size));
            return true;
          },
        },
      });
      this.socket.on('error', fail);
      this.socket.on('close', () => {
        fail(new Error('closed'));
        this.onclose?.();
      });
      this.socket.on('connect', () => this.#ask());
    });
  }

  close() {
    this.onclose = undefined;
    this.socket?.destroy();
  }

  #ask() {
    const lines = [
      `GET ${this.url.pathname}${this.url.search} HTTP/1.1`,
      `Host: ${this.url.host}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ...Object.entries(this.headers).map(([name, value]) => `${name}: ${value}`),
    ];
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  }

  #take(data) {
    let rest = data;
    while (rest.length) {
      if (this.left > 0) {
        const part = rest.subarray(0, this.left);
        if (this.keeps) this.kept.push(Buffer.from(part));
        this.bytes += part.length;
        this.left -= part.length;
        rest = rest.subarray(part.length);
        if (!this.left) this.#whole();
        continue;
      }
      this.head = Buffer.concat([this.head, rest]);
      rest = this.open ? this.#header() : this.#answer();
      if (rest === undefined) return;
    }
  }

  /** Take the answer to the handshake off the head. Returns what follows it. */
  #answer() {
    const end = this.head.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const status = this.head.subarray(0, 12).toString();
    if (status !== 'HTTP/1.1 101') {
      this.socket.destroy(new Error(`refused: ${status}`));
      return undefined;
    }
    const rest = this.head.subarray(end + 4);
    this.head = Buffer.alloc(0);
    this.open = true;
    if (this.plain) this.settle();
    else for (const one of greeting(this.document, nothing)) this.socket.write(framed(one));
    return rest;
  }

  /** Take a frame's header off the head. Returns what follows it. */
  #header() {
    const found = this.head.length < 2 ? undefined : lengths(this.head);
    if (!found || this.head.length < found[0] + Math.min(found[1], 125)) return undefined;
    const rest = this.head.subarray(found[0]);
    const opcode = this.head[0] & 0x0f;
    this.head = Buffer.alloc(0);
    this.size = this.left = found[1];
    this.kept = [];
    if (opcode === PING) this.socket.write(framed(rest.subarray(0, found[1]), PONG));
    this.synced ||= opcode === BINARY && !this.plain && this.#answers(rest);
    if (!this.left) this.#whole();
    return rest;
  }

  /** Whether a frame is the answer with all content, sync step 2. */
  #answers(payload) {
    const at = proto === 'hp' ? 1 + payload[0] : 0;
    if (payload[at] === 0 && payload[at + 1] === 0) this.#answerBack(payload.subarray(0, at));
    return payload[at] === 0 && payload[at + 1] === 1;
  }

  /** Answer the server's own question: there is nothing here. */
  #answerBack(name) {
    this.socket.write(framed(Buffer.concat([name, Buffer.from([0, 1, 2, 0, 0])])));
  }

  #whole() {
    this.frames++;
    this.largest = Math.max(this.largest, this.size);
    if (this.synced && !this.done && this.largest >= this.wanted) {
      this.done = true;
      this.content = this.keeps ? Buffer.concat(this.kept) : undefined;
      this.settle();
    }
  }
}
