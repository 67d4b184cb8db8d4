// --clients peers write --rate updates/s each into one document, and all of them read.
// Prints latency at two observing peers, convergence of all, and the server's CPU per delivery.
import { now, option, Peer, Processes, quantile, sleep, target } from './peers.mjs';

const clients = Number(option('clients', 20));
const rate = Number(option('rate', 5));
const seconds = Number(option('secs', 6));
const processes = new Processes(option('pids'));
const latencies = [];
const peers = [];

for (let i = 0; i < clients; i++) {
  const peer = new Peer({ ...target(`fanout-${Date.now()}`), live: i < 2 });
  peer.array = peer.doc.getArray('a');
  peer.array.observe((event, transaction) => {
    if (!peer.live || transaction.origin !== 'remote') return;
    const arrived = now();
    for (const { insert = [] } of event.changes.delta) {
      for (const [author, , sent] of insert) if (author !== i) latencies.push(arrived - sent);
    }
  });
  peer.onclose = (code) => console.error('closed', i, code);
  if (i) peer.document = peers[0].document;
  peers.push(await peer.connect());
}
const before = peers[0].array.length;
await sleep(500);
for (const peer of peers) peer.bytes = peer.frames = 0;

const cpu = processes.cpuSeconds();
const start = now();
const end = start + seconds * 1000;
let sent = 0;

async function write(peer, i) {
  const period = 1000 / rate;
  let next = start + Math.random() * period;
  for (let n = 0; now() < end; await sleep(Math.max(0, next - now()))) {
    for (; next <= now(); next += period, sent++) peer.array.push([[i, n++, now()]]);
  }
}
await Promise.all(peers.map(write));
const drained = () => peers.slice(0, 2).every((peer) => peer.array.length >= sent + before);
for (const until = now() + 30_000; now() < until && !drained(); ) await sleep(20);

const spent = processes.cpuSeconds() - cpu;
await sleep(1000);
for (const peer of peers) peer.settle();
const converged = peers.filter((peer) => peer.array.length === sent + before).length;
console.log(
  JSON.stringify({
    clients,
    rate,
    sent,
    converged,
    p50_ms: quantile(latencies, 0.5),
    p99_ms: quantile(latencies, 0.99),
    frames: peers.reduce((total, peer) => total + peer.frames, 0),
    cpu_s: Number(spent.toFixed(2)),
    us_per_delivery: Number(((spent * 1e6) / (sent * (clients - 1))).toFixed(2)),
    rss_mb: Math.round(processes.rssMb()),
  }),
);
for (const peer of peers) peer.close();
process.exit(converged === clients ? 0 : 1);
