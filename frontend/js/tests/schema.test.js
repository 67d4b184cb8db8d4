import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { exported, SCHEMA_FILE } from '../schema.mjs';
import { fileOf, isOwnFile } from '../src/image.js';

test("the server's file of the schema is what the editor has: run `npm run build`", () => {
  assert.equal(readFileSync(SCHEMA_FILE, 'utf8'), exported());
});

test('an image is a file of its own document, and nothing else', () => {
  assert.ok(isOwnFile('files/abc-_9'));
  const foreign = ['https://example.com/x.png', '/files/x', 'files/', 'files/a/b', 'files/x?y'];
  for (const src of [...foreign, `files/${'x'.repeat(65)}`, 'data:image/png;base64,AA==', null]) {
    assert.ok(!isOwnFile(src), String(src));
  }
});

test('a pasted image is known by its address, whichever document it is of', () => {
  const id = '0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9';
  const page = `https://site.example/documents/${id}/`;
  const other = page.replace('0f1e', 'ffff');
  assert.deepEqual(fileOf(`${page}files/k_1`, page), { own: 'files/k_1' });
  assert.deepEqual(fileOf('files/k_1', page), { own: 'files/k_1' });
  assert.deepEqual(fileOf(`${other}files/k_1`, page), { other: `${other}files/k_1` });
  const foreign = ['/', 'x', `${page}files/a/b`, `${page}files/`, 'blob:https://site.example/x'];
  for (const src of [...foreign, other.replace('site', 'else').concat('files/k_1')]) {
    assert.equal(fileOf(src, page), null, src);
  }
});
