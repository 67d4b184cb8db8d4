/**
 * Bundle the pages' scripts into `../static/frontend/build/`, byte for byte the same on every
 * machine.
 *
 * The output is committed, so that nobody who only runs Collab needs Node. There are no source
 * maps: they would carry paths of the machine that built them.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, '../static/frontend/build');
const LICENCES = 'LICENCES.txt';

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
/** @type {import('esbuild').BuildOptions & { metafile: true }} */
const options = {
  absWorkingDir: here,
  outdir: out,
  bundle: true,
  minify: true,
  charset: 'utf8',
  target: ['es2022'],
  define: { 'process.env.NODE_ENV': '"production"' },
  banner: { js: `/*! Licences of what is in here: ${LICENCES} */` },
  legalComments: 'inline',
  logLevel: 'warning',
  metafile: true,
};
const pages = await build({
  ...options,
  entryPoints: ['src/dashboard.js', 'src/editor.js', 'src/share.js', 'src/site.js', 'src/text.js'],
  format: 'iife',
});
// A module that the editor imports when a document has code.
const lazy = await build({ ...options, entryPoints: ['src/grammars.js'], format: 'esm' });
const inputs = { ...pages.metafile.inputs, ...lazy.metafile.inputs };
await writeFile(join(out, LICENCES), await licences(Object.keys(inputs)));

/**
 * The licence texts of all packages in the bundles; packages with the same text share it.
 *
 * @param {string[]} inputs paths of the bundled modules
 */
async function licences(inputs) {
  const names = new Set(inputs.flatMap((path) => packageOf(path) ?? []));
  /** @type {Map<string, string[]>} */
  const byText = new Map();
  for (const name of [...names].sort()) {
    const text = await licenceOf(name);
    byText.set(text, [...(byText.get(text) ?? []), name]);
  }
  return [...byText]
    .map(([text, of]) => `${of.join(', ')}\n\n${text}\n`)
    .join(`\n${'-'.repeat(80)}\n`);
}

/** @param {string} path */
function packageOf(path) {
  return path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1];
}

/** @param {string} name */
async function licenceOf(name) {
  const folder = join(here, 'node_modules', name);
  const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
  if (file) return (await readFile(join(folder, file), 'utf8')).replace(/\r\n/g, '\n').trim();
  const { license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  if (!license) throw new Error(`${name} names no licence.`);
  return `${license} (the package has no licence file)`;
}
