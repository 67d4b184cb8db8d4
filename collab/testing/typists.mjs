/**
 * People at unmodified y-websocket providers, who type unique tags and know which are acknowledged.
 *
 * Started with the folder in whose node_modules Yjs is. A line on stdin is `{"id": n, "do": verb,
 * ...}`; the answer on stdout is `{"id": n, "value"}` or `{"id": n, "error"}`.
 */
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { keyed } from './keyed.mjs';

const require = createRequire(`${process.argv[2]}/package.json`);
const Y = require('yjs');
const decoding = require('lib0/decoding');
const { WebsocketProvider } = require('y-websocket');

// It warns of each denial, and faults deny.
console.warn = () => {};

const ACK = 8;
const STEP2 = 1;
const UPDATE = 2;

class Typist {
  constructor({ name, address, room, key, rest }) {
    this.name = name;
    this.rest = rest;
    this.doc = new Y.Doc();
    this.text = this.doc.getText('text');
    this.typed = [];
    this.acknowledged = new Set();
    this.unsaved = new Map();
    this.longest = 0;
    this.timer = null;
    this.typing = [];
    const typist = this;
    this.provider = new WebsocketProvider(address, room, this.doc, {
      // A count of frames is that of one connection; one that is given up may still tell its own.
      WebSocketPolyfill: class extends keyed(key) {
        constructor(url) {
          super(url);
          this.sent = 0;
          /** @type {{ frame: number, tags: string[] }[]} What was sent and is not durable yet. */
          this.carried = [];
          this.addEventListener('message', ({ data }) => this.take(new Uint8Array(data)));
        }

        send(frame) {
          if (frame[0] === 0 && (frame[1] === STEP2 || frame[1] === UPDATE)) {
            this.sent += 1;
            const tags = frame[1] === STEP2 ? [...typist.typed] : typist.typing;
            this.carried.push({ frame: this.sent, tags });
          }
          super.send(frame);
        }

        take(frame) {
          if (frame[0] !== ACK) return;
          const durable = decoding.readVarUint(decoding.createDecoder(frame.subarray(1)));
          while (this.carried.length && this.carried[0].frame <= durable) {
            for (const tag of this.carried.shift().tags) typist.save(tag);
          }
        }
      },
      disableBc: true,
      params: { ack: '1' },
    });
    // Read by the socket itself; the provider would complain of a type that it does not know.
    this.provider.messageHandlers[ACK] = () => {};
  }

  save(tag) {
    if (this.acknowledged.has(tag)) return;
    this.acknowledged.add(tag);
    this.longest = Math.max(this.longest, performance.now() - this.unsaved.get(tag));
    this.unsaved.delete(tag);
  }

  /** Type a tag between two others, and go on after a rest. */
  type() {
    const tag = `<${this.name}${this.typed.length}>`;
    const text = this.text.toString();
    const gap = text.indexOf('<', Math.floor(Math.random() * (text.length + 1)));
    this.typed.push(tag);
    this.unsaved.set(tag, performance.now());
    this.typing = [tag];
    this.text.insert(gap < 0 ? text.length : gap, tag);
    this.typing = [];
    const [shortest, longest] = this.rest;
    this.timer = setTimeout(() => this.type(), shortest + Math.random() * (longest - shortest));
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
  }

  get account() {
    return {
      typed: this.typed,
      acknowledged: [...this.acknowledged],
      longest: this.longest / 1000,
      connected: this.provider.wsconnected,
      text: this.text.toString(),
    };
  }
}

/** @type {Map<string, Typist>} */
const typists = new Map();

const verbs = {
  make: (options) => {
    typists.set(options.name, new Typist(options));
  },
  start: () => {
    for (const typist of typists.values()) typist.type();
  },
  stop: () => {
    for (const typist of typists.values()) typist.stop();
  },
  leave: ({ name }) => typists.get(name).provider.disconnect(),
  come: ({ name }) => typists.get(name).provider.connect(),
  paste: ({ name, root, size }) => typists.get(name).doc.getText(root).insert(0, 'n'.repeat(size)),
  accounts: () => Object.fromEntries([...typists].map(([name, typist]) => [name, typist.account])),
};

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { id, do: verb, ...options } = JSON.parse(line);
    let answer;
    try {
      answer = { id, value: verbs[verb](options) ?? null };
    } catch (error) {
      answer = { id, error: String(error?.stack ?? error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  })
  .on('close', () => process.exit(0));
