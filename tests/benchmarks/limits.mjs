// --clients peers write faster and faster, until the server's core is full, edits take longer than
// --bound ms to arrive (p99), or the peers' own core is full. Prints every step.
import { numbers, option, Processes, report } from './peers.mjs';
import { Writers } from './writers.mjs';

const FULL_PERCENT = 95;
const clients = Number(option('clients', 100));
const seconds = Number(option('secs', 3));
const boundMs = Number(option('bound', 1000));
const processes = new Processes();
const writers = new Writers(clients, processes);
await writers.connect();

function stoppedBy({ drained, p99_ms, cpu_percent, peers_percent }) {
  if (cpu_percent >= FULL_PERCENT) return 'core';
  if (peers_percent >= FULL_PERCENT) return 'peers';
  return drained && p99_ms <= boundMs ? undefined : 'latency';
}

const steps = [];
let stop;
for (const rate of numbers('rates', '1,2,5,10,20,40,80,160')) {
  const figures = await writers.write(rate, seconds, 2 * boundMs);
  stop = stoppedBy(figures);
  steps.push({ rate, ...figures });
  if (stop) break;
}
report({ clients, steps, stop: stop ?? null });
