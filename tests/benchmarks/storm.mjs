// --clients peers join one document of --mb megabytes at the same moment.
import { now, option, Peer, Processes, quantile, sleep, target } from './peers.mjs';

const clients = Number(option('clients', 100));
const mb = Number(option('mb', 4));
const processes = new Processes(option('pids'));
const options = target(`storm-${Date.now()}`);

const seed = await new Peer(options).connect();
const text = seed.doc.getText('t');
const words = 'lorem ipsum dolor sit amet '.repeat(40);
while (text.length < mb * 1e6) {
  seed.doc.transact(() => {
    for (let i = 0; i < 20; i++) text.insert(text.length, words);
  });
  await sleep(3);
}
await sleep(4000);

const rssBefore = processes.rssMb();
const cpu = processes.cpuSeconds();
const start = now();
const times = [];
const peers = Array.from({ length: clients }, () => new Peer({ ...options, live: false }));
const results = await Promise.allSettled(
  peers.map((peer) => peer.connect().then(() => times.push(now() - start))),
);
const full = peers.filter((peer) => peer.inbox.some((b) => b.length > mb * 9e5)).length;
console.log(
  JSON.stringify({
    joins: clients,
    mb,
    failed: results.filter(({ status }) => status === 'rejected').length,
    full,
    p50_ms: quantile(times, 0.5),
    p95_ms: quantile(times, 0.95),
    cpu_s: Number((processes.cpuSeconds() - cpu).toFixed(2)),
    rss_before_mb: Math.round(rssBefore),
    added_mb: Math.round(processes.peakMb() - rssBefore),
  }),
);
for (const peer of peers) peer.close();
seed.close();
process.exit(full === clients ? 0 : 1);
