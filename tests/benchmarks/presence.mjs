// --clients peers each change their presence --hz times a second: how long until an observer sees
// a change (or a later one of the same peer), and what does the server pay?
import * as decoding from 'lib0/decoding';
import {
  connectAll, now, option, Peer, Processes, quantile, report, rounded, sleep, Span, target,
} from './peers.mjs';

const FIRST_CLIENT = 1000;
const clients = Number(option('clients', 100));
const hz = Number(option('hz', 1));
const seconds = Number(option('secs', 6));
const processes = new Processes();
const peers = Array.from({ length: clients }, (_, i) => new Peer(target(i), { live: false }));
await connectAll(peers);

// When each peer sent each of its states, by client and clock.
const sentAt = peers.map(() => [0]);
let ages = [];

/** Note how old the states are that a peer sees now for the first time. */
function observe(observer) {
  const seen = peers.map(() => 0);
  observer.onpresence = (payload) => {
    const arrived = now();
    const decoder = decoding.createDecoder(payload);
    for (let left = decoding.readVarUint(decoder); left > 0; left--) {
      const i = decoding.readVarUint(decoder) - FIRST_CLIENT;
      const clock = decoding.readVarUint(decoder);
      decoding.readVarString(decoder);
      if (!sentAt[i]) continue;
      for (; seen[i] < clock; seen[i]++) ages.push(arrived - sentAt[i][seen[i] + 1]);
    }
  };
}
for (const observer of peers.slice(0, 2)) observe(observer);

function cursor(client, clock) {
  const position = { type: null, tname: 'body', item: { client, clock }, assoc: 0 };
  return { anchor: position, head: position };
}

function move(peer, i) {
  const client = FIRST_CLIENT + i;
  const user = { name: `peer number ${i}`, color: '#30bced', colorLight: '#30bced33' };
  const once = () => {
    const clock = sentAt[i].push(now()) - 1;
    peer.sendPresence(client, clock, { user, cursor: cursor(client, clock) });
  };
  let timer = setTimeout(
    () => {
      once();
      timer = setInterval(once, 1000 / hz);
    },
    (Math.random() * 1000) / hz,
  );
  return () => clearInterval(timer);
}

const stops = peers.map(move);
// All are there, and the server's pace is that of their number.
await sleep(1000 / hz + 1000);
ages = [];
for (const peer of peers) peer.bytes = peer.frames = 0;
const span = new Span(processes);
await sleep(seconds * 1000);
const spent = span.end();
const total = (field) => peers.reduce((sum, peer) => sum + peer[field], 0);
const figures = {
  clients,
  hz,
  cpu_percent: spent.serverPercent,
  peers_percent: spent.peersPercent,
  p50_ms: quantile(ages, 0.5),
  p95_ms: quantile(ages, 0.95),
  seen: ages.length,
  frames_per_peer_s: rounded(total('frames') / clients / spent.seconds, 1),
  kb_per_peer_s: rounded(total('bytes') / 1000 / clients / spent.seconds, 1),
  rss_mb: Math.round(processes.rssMb()),
};
for (const stop of stops) stop();
report(figures);
