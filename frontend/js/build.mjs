/**
 * Bundle the pages' scripts into `../static/frontend/build/`, byte for byte the same on every machine.
 *
 * The output is committed, so that nobody who only runs Collab needs Node. There are no source
 * maps: they would carry paths of the machine that built them.
 */
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, '../static/frontend/build');

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: ['src/editor.js', 'src/site.js'],
  outdir: out,
  bundle: true,
  minify: true,
  charset: 'utf8',
  format: 'iife',
  target: ['es2022'],
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'linked',
  logLevel: 'warning',
});
