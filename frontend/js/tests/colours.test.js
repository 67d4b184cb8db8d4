import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coloursOf } from '../src/colours.js';
import { lowlight } from '../src/grammars.js';
import { LANGUAGES } from '../src/languages.js';

test('every language that can be chosen has its grammar', () => {
  assert.deepEqual(lowlight.listLanguages().sort(), Object.keys(LANGUAGES).sort());
});

test('spans cover what they name, also behind letters of two code units', () => {
  const text = 'def f(x):  # 😀 ї\n    return f"{x}!"';
  const spans = coloursOf(lowlight.highlight('python', text));
  /** @param {string} name */
  const named = (name) =>
    spans
      .filter((span) => span.name.split(' ').includes(name))
      .map((s) => text.slice(s.from, s.to));
  assert.deepEqual(named('hljs-keyword'), ['def', 'return']);
  assert.deepEqual(named('hljs-comment'), ['# 😀 ї']);
  assert.deepEqual(named('hljs-string').join(''), 'f"{x}!"');
});
