import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf, isAllowed } from '../src/address.js';

test('only the web and mail can be linked', () => {
  for (const address of ['https://a.example', 'http://a.example/b?c#d', 'mailto:a@b.example']) {
    assert.ok(isAllowed(address), address);
    assert.equal(addressOf(address), address);
  }
  for (const address of [
    'javascript:alert(1)',
    ' JavaScript:alert(1)',
    'data:text/html,x',
    'ftp://a',
    'file:///etc',
  ]) {
    assert.ok(!isAllowed(address), address);
    assert.equal(addressOf(address), null);
  }
});

test('what people type becomes an address', () => {
  assert.equal(addressOf(' example.org/a '), 'https://example.org/a');
  assert.equal(addressOf('localhost:8000/x'), 'https://localhost:8000/x');
  assert.equal(addressOf('ada@example.org'), 'mailto:ada@example.org');
  assert.equal(addressOf(''), null);
  assert.equal(addressOf('two words'), null);
});
