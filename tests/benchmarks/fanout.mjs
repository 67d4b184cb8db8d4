// --clients peers write --rate updates/s each into one document, and all of them read.
// Prints latency at two observing peers, convergence of all, and the server's CPU per delivery.
import { option, Processes, report, rounded } from './peers.mjs';
import { Writers } from './writers.mjs';

const clients = Number(option('clients', 20));
const seconds = Number(option('secs', 4));
const processes = new Processes();
const writers = new Writers(clients, processes);
await writers.connect();
const figures = await writers.write(Number(option('rate', 5)), seconds, 30_000);
const rss_mb = Math.round(processes.rssMb());
const frames = writers.peers.reduce((total, peer) => total + peer.frames, 0);
const bytes = writers.peers.reduce((total, peer) => total + peer.bytes, 0);
const converged = await writers.converged();
report(
  { clients, ...figures, frames, mb: rounded(bytes / 1e6), rss_mb, converged },
  converged === clients,
);
