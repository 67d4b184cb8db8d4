// Open each of --docs, which nobody has open: how long until its content is here?
import { documentName, now, numbers, option, Processes, quantile, report, rounded, sleep, Span, target } from './peers.mjs';
import { Raw } from './raw.mjs';

const wanted = numbers('bytes');
const again = Number(option('times', 3));
const processes = new Processes();
const opened = [];
for (let n = 0; n < wanted.length; n++) {
  const times = [];
  let cpu = 0;
  for (let time = 0; time < again; time++) {
    // The one before is closed by now: rooms close at once when nobody is in them.
    await sleep(700);
    const span = new Span(processes);
    const raw = new Raw(target(0, documentName(n)));
    await raw.connect(wanted[n]);
    times.push(now() - span.start);
    await sleep(100);
    cpu += span.end().cpu;
    raw.close();
  }
  opened.push({ ms: quantile(times, 0.5), cpu_ms: rounded((cpu * 1000) / again, 1) });
}
report({ opened, rss_mb: Math.round(processes.rssMb()) });
