import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { exported, SCHEMA_FILE } from '../schema.mjs';
import { isOwnFile } from '../src/image.js';

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
