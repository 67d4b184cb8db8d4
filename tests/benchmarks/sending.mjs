// The cost of one frame to one socket, of a server that does nothing but send them: --times frames
// to one socket and then to --clients, the difference divided.
import http from 'node:http';
import { option, Processes, report, rounded, sleep, Span, target } from './peers.mjs';
import { Raw } from './raw.mjs';

const clients = Number(option('clients', 400));
const times = Number(option('times', 100));
const processes = new Processes();
const agent = new http.Agent({ keepAlive: true });
const raws = [];

function post() {
  return new Promise((resolve, reject) => {
    const url = option('url').replace('ws:', 'http:');
    const request = http.request(url, { method: 'POST', agent }, (answer) => {
      answer.resume();
      answer.on('end', resolve);
    });
    request.on('error', reject);
    request.end();
  });
}

async function send(sockets) {
  while (raws.length < sockets) {
    raws.push(await new Raw(target(raws.length), { plain: true }).connect());
  }
  await post();
  await sleep(500);
  const span = new Span(processes);
  // As far apart as the frames of a busy room.
  for (let n = 0; n < times; n++) await Promise.all([post(), sleep(20)]);
  return span.end().cpu;
}
const alone = await send(1);
const all = await send(clients);
report({ clients, us_per_frame: rounded(((all - alone) * 1e6) / (times * (clients - 1))) });
