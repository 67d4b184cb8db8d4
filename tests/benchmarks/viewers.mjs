// --viewers sockets look at one dashboard while --post is sent a new number every second.
// Prints how long each number took to each viewer from when it was sent, what was missed, what the server spent on it,
// and whether pages that broke off and came back end with the points of a page that stayed.
// With --record FILE the frames of one viewer are kept; --plain counts frames and nothing else.
import fs from 'node:fs';
import http from 'node:http';
import WebSocket from 'ws';
import { decode } from '../../frontend/js/src/dashboard/frames.js';
import { summary, taken } from '../../frontend/js/src/dashboard/points.js';
import { now, option, Processes, quantile, sleep } from './peers.mjs';

const count = Number(option('viewers', 1000));
const seconds = Number(option('secs', 20));
const metrics = Number(option('metrics', 20));
const plain = process.argv.includes('--plain');
const processes = new Processes(option('pids'));
const headers = option('auth') ? { authorization: option('auth') } : {};
const show = { type: 'show', from: 'now-15m', to: 'now', tz: 'UTC', layout: true };

const sentAt = [];
const latencies = [];
let measuring = false;
let number = 0;

/** The number that a frame brings: the last of its last column. */
function numberIn(data) {
  return data.length > 16 ? data.readDoubleLE(data.length - 8) : Number.NaN;
}

class Viewer {
  frames = 0;
  bytes = 0;
  seen = new Set();
  /** Kept by those that put their charts together. */
  charts = undefined;

  connect() {
    return new Promise((resolve, reject) => {
      this.socket = new WebSocket(option('url'), {
        headers,
        perMessageDeflate: false,
        skipUTF8Validation: true,
      });
      this.socket.on('error', reject);
      this.socket.on('close', (code) => this.onclose?.(code));
      this.socket.on('open', () => {
        const held = this.charts ? summary(this.charts) : {};
        this.socket.send(JSON.stringify({ ...show, held }));
        if (plain) resolve(this);
      });
      this.socket.on('message', (data, isBinary) => {
        this.receive(data, isBinary);
        if (isBinary) resolve(this);
      });
    });
  }

  receive(data, isBinary) {
    if (measuring) {
      this.frames++;
      this.bytes += data.length;
      this.onframe?.(data, isBinary);
    }
    if (!isBinary) return;
    const brought = plain ? number : numberIn(data);
    if (sentAt[brought] !== undefined && !this.seen.has(brought)) {
      this.seen.add(brought);
      if (measuring) latencies.push(now() - sentAt[brought]);
    }
    if (this.charts) {
      const copy = data.buffer.slice(data.byteOffset, data.byteOffset + data.length);
      for (const entry of decode(copy).entries) {
        const held = taken(this.charts.get(entry.panel), entry);
        if (!held) throw new Error(`A delta of ${entry.panel} for a base that is not held`);
        this.charts.set(entry.panel, held);
      }
    }
  }

  close() {
    this.onclose = undefined;
    this.socket.terminate();
  }
}

const agent = new http.Agent({ keepAlive: true });

function post(body) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      option('post'),
      { method: 'POST', agent, headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
      (answer) => {
        answer.resume();
        answer.on('end', () => {
          if (answer.statusCode >= 300) reject(new Error(`POST answered ${answer.statusCode}`));
          else resolve();
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

function lines(number, time) {
  const all = [];
  for (let metric = 0; metric < metrics; metric++) {
    for (const host of ['a', 'b']) {
      all.push(JSON.stringify({ name: `bench_${metric}`, labels: { host }, value: number, time }));
    }
  }
  return all.join('\n');
}

async function send() {
  number++;
  const body = plain ? '' : lines(number, Date.now() / 1000);
  sentAt[number] = now();
  await post(body);
}

/** Send a number every second. */
async function ticks(times) {
  const start = now();
  for (let n = 0; n < times; n++) {
    await sleep(Math.max(0, start + n * 1000 - now()));
    await send();
  }
  await sleep(Math.max(0, start + times * 1000 - now()));
}

if (!plain) {
  const begin = Date.now() / 1000 - 900;
  for (let chunk = 0; chunk < 9; chunk++) {
    const body = [];
    for (let second = 0; second < 98; second++) body.push(lines(0, begin + chunk * 98 + second));
    await post(body.join('\n'));
  }
}
const viewers = [];
async function join(until) {
  while (viewers.length < until) {
    const some = Math.min(20, until - viewers.length);
    const made = Array.from({ length: some }, () => new Viewer());
    viewers.push(...made);
    // A few put their charts together all the time, as pages do.
    if (!plain && viewers.length === some) made.forEach((viewer) => (viewer.charts = new Map()));
    for (const viewer of made) viewer.onclose = (code) => console.error('closed', code);
    await Promise.all(made.map((viewer) => viewer.connect()));
  }
}
await join(Math.min(50, count));
await ticks(5);
const before = processes.rssMb();
await join(count);
await ticks(5);

const recorded = [];
if (option('record')) {
  viewers[20].onframe = (data, isBinary) => {
    const one = isBinary ? ['bytes', data.toString('hex')] : ['text', data.toString()];
    if (isBinary && data.length <= 9) return;
    if (!isBinary || !recorded.length) recorded.push([one]);
    else recorded[recorded.length - 1].push(one);
  };
}
measuring = true;
const first = number + 1;
const cpu = processes.cpuSeconds();
const clientCpu = process.cpuUsage();
await ticks(seconds);
const spent = processes.cpuSeconds() - cpu;
const client = process.cpuUsage(clientCpu);
measuring = false;
await sleep(1000);
const rss = processes.rssMb();
let missed = 0;
for (const viewer of viewers) {
  for (let n = first; n <= number; n++) if (!viewer.seen.has(n)) missed++;
}
if (option('record')) fs.writeFileSync(option('record'), JSON.stringify(recorded));

/** Break off and come back, several times; then compare with a page that has been there. */
async function resume() {
  const stays = new Viewer();
  stays.charts = new Map();
  await stays.connect();
  const leaving = Array.from({ length: 20 }, () => new Viewer());
  for (const viewer of leaving) viewer.charts = new Map();
  await Promise.all(leaving.map((viewer) => viewer.connect()));
  for (let round = 0; round < 3; round++) {
    for (const viewer of leaving) viewer.close();
    await ticks(2);
    await Promise.all(leaving.map((viewer) => viewer.connect()));
  }
  await send();
  for (const until = now() + 5000; now() < until; ) {
    if ([stays, ...leaving].every((viewer) => viewer.seen.has(number))) break;
    await sleep(20);
  }
  await sleep(600);
  const text = (viewer) =>
    JSON.stringify(
      [...viewer.charts].sort().map(([panel, { at, values }]) => [
        panel,
        [...at],
        values.map((column) => [...column]),
      ]),
    );
  const wanted = text(stays);
  return { resumed: leaving.length, resumed_equal: leaving.filter((v) => text(v) === wanted).length };
}
const resumed = plain ? {} : await resume();

const frames = viewers.reduce((total, viewer) => total + viewer.frames, 0);
const bytes = viewers.reduce((total, viewer) => total + viewer.bytes, 0);
console.log(
  JSON.stringify({
    viewers: count,
    seconds,
    p50_ms: quantile(latencies, 0.5),
    p95_ms: quantile(latencies, 0.95),
    p99_ms: quantile(latencies, 0.99),
    missed,
    frames,
    frames_per_viewer_s: Number((frames / count / seconds).toFixed(2)),
    kb_per_viewer_s: Number((bytes / count / seconds / 1000).toFixed(1)),
    cpu_s: Number(spent.toFixed(2)),
    cpu_percent: Number(((100 * spent) / seconds).toFixed(1)),
    client_percent: Number(((client.user + client.system) / 1e4 / seconds).toFixed(1)),
    rss_mb: Math.round(rss),
    kb_per_viewer: Number((((rss - before) * 1024) / Math.max(1, count - 50)).toFixed(1)),
    ...resumed,
  }),
);
process.exit(0);
