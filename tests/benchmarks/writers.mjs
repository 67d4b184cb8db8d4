// Peers of one document who write and all read: what `fanout` and `limits` measure.
import { connectAll, now, Peer, quantile, rounded, sleep, Span, target, until } from './peers.mjs';

// Peers that apply what they get at once, and so see how long it took.
const OBSERVERS = 2;

export class Writers {
  latencies = [];
  acks = [];
  sent = 0;

  constructor(count, processes) {
    this.processes = processes;
    this.peers = Array.from({ length: count }, (_, i) => this.#peer(i));
  }

  #peer(i) {
    const peer = new Peer(target(i), { live: i < OBSERVERS });
    peer.array = peer.doc.getArray('a');
    peer.onclose = (code) => console.error('closed', i, code);
    if (!peer.live) return peer;
    peer.array.observe((event, transaction) => {
      if (transaction.origin !== 'remote') return;
      const arrived = now();
      for (const { insert = [] } of event.changes.delta) {
        for (const [author, , sent] of insert) {
          if (author !== i && sent) this.latencies.push(arrived - sent);
        }
      }
    });
    return peer;
  }

  get observers() {
    return this.peers.slice(0, OBSERVERS);
  }

  async connect() {
    await connectAll(this.peers);
    await sleep(500);
    for (const peer of this.peers) peer.bytes = peer.frames = 0;
    for (const peer of this.observers) peer.onack = (ms) => this.acks.push(ms);
  }

  /** Have every peer write `rate` times a second. Returns what that cost, once all is there. */
  async write(rate, seconds, drainMs) {
    this.latencies = [];
    this.acks = [];
    const before = this.sent;
    const span = new Span(this.processes);
    const end = span.start + seconds * 1000;
    await Promise.all(this.peers.map((peer, i) => this.#type(peer, i, rate, span.start, end)));
    const busy = span.end();
    const drained = await until(() => this.#arrived(), drainMs);
    const sent = this.sent - before;
    const whole = span.end();
    return {
      sent,
      drained,
      edits_per_s: rounded(sent / seconds, 0),
      p50_ms: quantile(this.latencies, 0.5),
      p99_ms: quantile(this.latencies, 0.99),
      ack_p50_ms: quantile(this.acks, 0.5),
      ack_p99_ms: quantile(this.acks, 0.99),
      cpu_s: rounded(whole.cpu),
      cpu_percent: busy.serverPercent,
      peers_percent: busy.peersPercent,
      us_per_edit: rounded((whole.cpu * 1e6) / sent, 1),
      us_per_delivery: rounded((whole.cpu * 1e6) / (sent * (this.peers.length - 1))),
    };
  }

  #arrived() {
    return this.observers.every((peer) => peer.array.length >= this.sent);
  }

  async #type(peer, i, rate, start, end) {
    const period = 1000 / rate;
    let next = start + Math.random() * period;
    for (let n = 0; now() < end; await sleep(Math.max(0, Math.min(next, end) - now()))) {
      for (; next <= now() && next < end; next += period) {
        this.sent++;
        peer.array.push([[i, n++, now()]]);
      }
    }
  }

  /** Count the peers that have everything, at most a moment later. */
  async converged() {
    await sleep(1000);
    for (const peer of this.peers) peer.settle();
    return this.peers.filter((peer) => peer.array.length === this.sent).length;
  }
}
