import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

const MOST_BYTES = {
  'dashboard.js': 110_000,
  'editor.js': 250_000,
  // 26 grammars of highlight.js, and only for documents with code.
  'grammars.js': 50_000,
  // CodeMirror with eight languages; Markdown alone brings in those of HTML, CSS and JavaScript.
  'text.js': 280_000,
};

for (const [name, most] of Object.entries(MOST_BYTES)) {
  test(`${name} takes at most ${most / 1000} kB on its way to a browser`, () => {
    const built = new URL(`../../static/frontend/build/${name}`, import.meta.url);
    const size = gzipSync(readFileSync(built)).length;
    assert.ok(size <= most, `${size} bytes`);
  });
}
