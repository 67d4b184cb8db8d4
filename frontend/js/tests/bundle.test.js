import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

const MOST_BYTES = 250_000;

test('the editor takes at most 250 kB on its way to a browser', () => {
  const built = new URL('../../static/frontend/build/editor.js', import.meta.url);
  const size = gzipSync(readFileSync(built)).length;
  assert.ok(size <= MOST_BYTES, `${size} bytes`);
});
