import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { arrange, placeAt, stepped } from '../src/dashboard/arrange.js';

const examples = new URL('../../../tests/dashboards/arrange.json', import.meta.url);
/** @typedef {[number, number, number, number]} Four */
/** @type {{ cases: { name: string, places: Record<string, Four>, held: string | null, cells: Record<string, Four> }[] }} */
const { cases } = JSON.parse(readFileSync(examples, 'utf8'));

/** @param {Record<string, Four>} places */
const named = (places) =>
  Object.fromEntries(Object.entries(places).map(([id, [x, y, w, h]]) => [id, { x, y, w, h }]));

for (const { name, places, held, cells } of cases) {
  test(`panels are arranged as on the server: ${name}`, () => {
    const found = arrange(named(places), held);
    assert.deepEqual(Object.fromEntries(found), named(cells));
    assert.deepEqual([...found.keys()], Object.keys(cells));
  });
}

/** @type {Record<string, Four>} */
const BOARD = { a: [0, 0, 6, 4], b: [6, 0, 6, 4], c: [0, 4, 12, 3], d: [0, 7, 6, 2] };

/** @param {import('../src/dashboard/arrange.js').Place} place */
const with_ = (place, id = 'd') => arrange({ ...named(BOARD), [id]: place });

test('a panel comes to stand in the row where it is let go', () => {
  const place = placeAt(named(BOARD), 'd', { x: 0, y: 0, w: 6, h: 2 });
  assert.deepEqual(with_(place).get('d'), { x: 0, y: 0, w: 6, h: 2 });
  assert.deepEqual(with_(place).get('b'), { x: 6, y: 0, w: 6, h: 4 });
});

test('a panel let go in an empty corner pushes nobody and is read where it is seen', () => {
  const board = named({ a: [0, 0, 6, 4], b: [0, 4, 6, 4], c: [0, 8, 6, 3] });
  const place = placeAt(board, 'c', { x: 6, y: 0, w: 6, h: 3 });
  const cells = arrange({ ...board, c: place });
  assert.deepEqual(cells.get('b'), { x: 0, y: 4, w: 6, h: 4 });
  assert.deepEqual([...cells.keys()], ['a', 'c', 'b']);
});

test('a panel let go where it was keeps its place', () => {
  assert.deepEqual(placeAt(named(BOARD), 'c', { x: 0, y: 4, w: 12, h: 3 }).y, 4);
});

test('keys move a panel past the next one, until there is none', () => {
  const up = stepped(named(BOARD), 'd', -1);
  assert.ok(up);
  assert.equal(with_(up).get('d')?.y, 4);
  const first = stepped({ ...named(BOARD), d: up }, 'd', -1);
  assert.ok(first);
  assert.equal(with_(first).get('d')?.y, 0);
  assert.equal(stepped({ ...named(BOARD), d: first }, 'd', -1), null);
  assert.equal(stepped(named(BOARD), 'd', 1), null);
});

test('panels that were all put at one place can still be put in order', () => {
  const heap = named({ a: [0, 0, 12, 2], b: [0, 0, 12, 2], c: [0, 0, 12, 2] });
  const place = placeAt(heap, 'c', { x: 0, y: 0, w: 12, h: 2 });
  assert.equal(arrange({ ...heap, c: place }).get('c')?.y, 0);
});
