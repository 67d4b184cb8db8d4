// --clients peers each change their presence --hz times a second: how stale does an observer see
// it, and what does the server pay?
import * as decoding from 'lib0/decoding';
import { now, option, Peer, Processes, quantile, sleep, target } from './peers.mjs';

const clients = Number(option('clients', 100));
const hz = Number(option('hz', 1));
const seconds = Number(option('secs', 8));
const processes = new Processes(option('pids'));
const options = target(`presence-${Date.now()}`);
const ages = [];
const peers = [];
for (let i = 0; i < clients; i++) peers.push(await new Peer({ ...options, live: false }).connect());

for (const observer of peers.slice(0, 2)) {
  observer.onpresence = (payload) => {
    const arrived = now();
    const decoder = decoding.createDecoder(payload);
    for (let left = decoding.readVarUint(decoder); left > 0; left--) {
      decoding.readVarUint(decoder);
      decoding.readVarUint(decoder);
      const state = JSON.parse(decoding.readVarString(decoder));
      if (state?.sent) ages.push(arrived - state.sent);
    }
  };
}

function cursor(client, clock) {
  const position = { type: null, tname: 'body', item: { client, clock }, assoc: 0 };
  return { anchor: position, head: position };
}

function move(peer, i) {
  const client = 1000 + i;
  let clock = 1;
  const once = () => {
    const user = { name: `peer number ${i}`, color: '#30bced', colorLight: '#30bced33' };
    peer.sendPresence(client, clock++, { user, cursor: cursor(client, clock), sent: now() });
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

await sleep(500);
for (const peer of peers) peer.bytes = peer.frames = 0;
const cpu = processes.cpuSeconds();
const start = now();
const stops = peers.map(move);
await sleep(seconds * 1000);
for (const stop of stops) stop();
const spent = processes.cpuSeconds() - cpu;
const took = (now() - start) / 1000;
await sleep(1500);
console.log(
  JSON.stringify({
    clients,
    hz,
    cpu_percent: Number(((spent / took) * 100).toFixed(1)),
    p50_ms: quantile(ages, 0.5),
    p95_ms: quantile(ages, 0.95),
    frames_per_peer_s: Number(
      (peers.reduce((total, peer) => total + peer.frames, 0) / clients / seconds).toFixed(1),
    ),
    rss_mb: Math.round(processes.rssMb()),
  }),
);
for (const peer of peers) peer.close();
process.exit(0);
