// Up to --levels sockets that do nothing, PER_DOCUMENT on each document: what they cost to open, to
// hold, and in memory.
import { documentName, numbers, option, Processes, report, rounded, sleep, Span, target } from './peers.mjs';
import { Raw } from './raw.mjs';

const PER_DOCUMENT = 20;
const TOGETHER = 20;
// One address has 28,000 ports; loopback has addresses enough.
const PER_ADDRESS = 20_000;
const seconds = Number(option('secs', 3));
const processes = new Processes();
const raws = [];
let closed = 0;

async function open(count) {
  const made = Array.from({ length: count }, (_, n) => {
    const i = raws.length + n;
    const localAddress = `127.0.0.${2 + Math.floor(i / PER_ADDRESS)}`;
    const raw = new Raw(target(i, documentName(Math.floor(i / PER_DOCUMENT))), { localAddress });
    raw.onclose = () => closed++;
    return raw;
  });
  raws.push(...made);
  await Promise.all(made.map((raw) => raw.connect()));
}

// What the first sockets make the server load is not theirs.
await open(TOGETHER);
await sleep(500);
const first = processes.rssMb();
const levels = [];
let stop = null;
for (const level of numbers('levels', '1000,2000,5000,10000')) {
  const span = new Span(processes);
  const before = raws.length;
  try {
    while (raws.length < level) await open(Math.min(TOGETHER, level - raws.length));
  } catch (error) {
    stop = `${raws.length} sockets: ${error.message}`;
    break;
  }
  const opened = span.end();
  await sleep(1000);
  const rest = new Span(processes);
  await sleep(seconds * 1000);
  const rss = processes.rssMb();
  levels.push({
    sockets: level,
    open_ms: rounded((opened.cpu * 1000) / (level - before), 2),
    idle_percent: rest.end().serverPercent,
    rss_mb: Math.round(rss),
    kb_per_socket: rounded(((rss - first) * 1024) / (level - TOGETHER), 1),
    closed,
  });
}
report({ levels, stop }, closed === 0 && levels.length > 0);
