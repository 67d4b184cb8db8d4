// --rooms documents with three peers each, one of whom writes --rate times a second: many small
// rooms instead of a large one.
import {
  connectAll, documentName, now, option, Peer, Processes, quantile, report, rounded, sleep, Span,
  target, until,
} from './peers.mjs';

const PEERS = 3;
const rooms = Number(option('rooms', 500));
const rate = Number(option('rate', 1));
const seconds = Number(option('secs', 4));
const processes = new Processes();
const latencies = [];
let sent = 0;
let got = 0;

const groups = Array.from({ length: rooms }, (_, room) => {
  const group = Array.from({ length: PEERS }, (_, n) => new Peer(target(n, documentName(room))));
  for (const peer of group.slice(1)) {
    peer.doc.getArray('a').observe((event, transaction) => {
      if (transaction.origin !== 'remote') return;
      for (const { insert = [] } of event.changes.delta) {
        for (const at of insert) {
          latencies.push(now() - at);
          got++;
        }
      }
    });
  }
  return group;
});
const rssBefore = processes.rssMb();
const opening = new Span(processes);
await connectAll(groups.flat(), 2 * PEERS);
const opened = opening.end();
await sleep(1000);

const span = new Span(processes);
const end = span.start + seconds * 1000;
async function write([writer]) {
  const period = 1000 / rate;
  for (let next = span.start + Math.random() * period; next < end; next += period) {
    await sleep(Math.max(0, next - now()));
    sent++;
    writer.doc.getArray('a').push([now()]);
  }
}
await Promise.all(groups.map(write));
const busy = span.end();
const drained = await until(() => got >= sent * (PEERS - 1), 20_000);
const whole = span.end();
report(
  {
    rooms,
    rate,
    open_ms: rounded((opened.cpu * 1000) / (rooms * PEERS), 2),
    p50_ms: quantile(latencies, 0.5),
    p99_ms: quantile(latencies, 0.99),
    cpu_percent: busy.serverPercent,
    peers_percent: busy.peersPercent,
    us_per_edit: rounded((whole.cpu * 1e6) / sent, 1),
    us_per_delivery: rounded((whole.cpu * 1e6) / (sent * (PEERS - 1))),
    rss_mb: Math.round(processes.rssMb()),
    kb_per_room: rounded(((processes.rssMb() - rssBefore) * 1024) / rooms, 1),
  },
  drained,
);
