// --clients peers join one document of --mb megabytes at the same moment.
import * as decoding from 'lib0/decoding';
import * as Y from 'yjs';
import {
  now, option, Peer, Processes, proto, quantile, report, rounded, sleep, Span, target, until,
} from './peers.mjs';
import { Raw } from './raw.mjs';

// Those whose whole content is looked at.
const READERS = 2;
const clients = Number(option('clients', 100));
const mb = Number(option('mb', 4));
const processes = new Processes();

const seed = await new Peer(target(0)).connect();
const text = seed.doc.getText('t');
const words = 'lorem ipsum dolor sit amet '.repeat(40_000);
while (text.length < mb * 1e6) {
  text.insert(text.length, words);
  await until(() => seed.socket.bufferedAmount < 2 ** 20, 20_000);
}
// The server has it, and has done what follows from it, once it rests.
await until(() => !seed.socket.bufferedAmount, 20_000);
for (let before = -1; processes.cpuSeconds() - before > 0.03; await sleep(1000)) {
  before = processes.cpuSeconds();
  await sleep(500);
}

const rssBefore = processes.rssMb();
const times = [];
const raws = Array.from({ length: clients }, (_, i) => new Raw(target(i), { keeps: i < READERS }));
const span = new Span(processes);
const results = await Promise.allSettled(
  raws.map((raw) => raw.connect(mb * 9e5).then(() => times.push(now() - span.start))),
);
const { cpu, seconds, peersPercent } = span.end();

/** Whether the content of a frame is the document. */
function isWhole({ content }) {
  if (!content) return false;
  const decoder = decoding.createDecoder(content);
  if (proto === 'hp') decoding.readVarString(decoder);
  decoding.readVarUint(decoder);
  decoding.readVarUint(decoder);
  const doc = new Y.Doc();
  Y.applyUpdate(doc, decoding.readVarUint8Array(decoder));
  return doc.getText('t').toString() === text.toString();
}
const whole = raws.slice(0, READERS).filter(isWhole).length;
const failed = results.filter(({ status }) => status === 'rejected').length;
report(
  {
    clients,
    mb,
    failed,
    whole,
    p50_ms: quantile(times, 0.5),
    p95_ms: quantile(times, 0.95),
    cpu_s: rounded(cpu),
    cpu_percent: rounded((cpu / seconds) * 100, 1),
    peers_percent: peersPercent,
    rss_before_mb: Math.round(rssBefore),
    added_mb: Math.round(processes.peakMb() - rssBefore),
  },
  failed === 0 && whole === READERS,
);
