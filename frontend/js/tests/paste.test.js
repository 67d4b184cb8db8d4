import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renameStyles } from '../src/paste.js';

test('style attributes are renamed, and nothing else is', () => {
  assert.equal(
    renameStyles('<b STYLE="a">x</b><p class="s" style = \'b\'> style="c"</p>'),
    '<b data-style="a">x</b><p class="s" data-style= \'b\'> style="c"</p>',
  );
});

test('style elements go', () => {
  assert.equal(renameStyles('<style type="x">\np{}\n</style><p>a</p>'), '<p>a</p>');
});
