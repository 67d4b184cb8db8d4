/**
 * Unmodified y-websocket providers, told what to do by lines of JSON on stdin.
 *
 * A line is `{"id": n, "peer": name, "do": verb, ...}`; the answer on stdout is `{"id": n, "value"}`
 * or `{"id": n, "error"}`.
 */
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { keyed } from '../../collab/testing/keyed.mjs';

const require = createRequire(new URL('../../frontend/js/package.json', import.meta.url));
const Y = require('yjs');
const decoding = require('lib0/decoding');
const { WebsocketProvider } = require('y-websocket');

/** The type of frame that says how many of ours are durable. */
const ACK = 8;

class Peer {
  constructor({ address, room, key, params = {} }) {
    this.doc = new Y.Doc();
    this.acked = 0;
    this.closes = [];
    this.final = null;
    this.provider = new WebsocketProvider(address, room, this.doc, {
      WebSocketPolyfill: keyed(key),
      disableBc: true,
      params,
    });
    this.provider.messageHandlers[ACK] = (_encoder, decoder) => {
      this.acked = decoding.readVarUint(decoder);
    };
    this.provider.on('connection-close', (event) => this.closes.push(event?.code ?? null));
    this.provider.on('closed', ({ code }) => {
      this.final = code;
    });
  }

  get content() {
    const { doc } = this;
    return {
      body: doc.getXmlFragment('body').toString(),
      map: doc.getMap('map').toJSON(),
      list: doc.getArray('list').toJSON(),
      text: doc.getText('text').toString(),
    };
  }

  get status() {
    const { provider } = this;
    return {
      acked: this.acked,
      closes: this.closes,
      final: this.final,
      connected: provider.wsconnected,
      synced: provider.synced,
      wants: provider.shouldConnect,
      present: [...provider.awareness.getStates().values()].map(({ name }) => name).sort(),
    };
  }

  /** Write into each kind of shared type. */
  write(word) {
    const { doc } = this;
    doc.getText('text').insert(0, `${word} `);
    doc.getMap('map').set(word, { by: word });
    doc.getArray('list').push([word]);
    const paragraph = new Y.XmlElement('paragraph');
    paragraph.insert(0, [new Y.XmlText(word)]);
    doc.getXmlFragment('body').push([paragraph]);
  }
}

/** @type {Map<string, Peer>} */
const peers = new Map();

const verbs = {
  make: (name, options) => {
    peers.set(name, new Peer(options));
  },
  write: (name, { words }) => {
    for (const word of words) peers.get(name).write(word);
  },
  present: (name, { as }) => peers.get(name).provider.awareness.setLocalStateField('name', as),
  hide: (name) => peers.get(name).provider.awareness.setLocalState(null),
  connect: (name) => peers.get(name).provider.connect(),
  disconnect: (name) => peers.get(name).provider.disconnect(),
  destroy: (name) => peers.get(name).provider.destroy(),
  content: (name) => peers.get(name).content,
  status: (name) => peers.get(name).status,
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, peer, do: verb, ...options } = JSON.parse(line);
  let answer;
  try {
    answer = { id, value: verbs[verb](peer, options) ?? null };
  } catch (error) {
    answer = { id, error: String(error?.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}).on('close', () => process.exit(0));
