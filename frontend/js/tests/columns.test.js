import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figuresOf, shownOf, stacked, valueAt } from '../src/dashboard/columns.js';

const N = Number.NaN;

/**
 * @param {number[][]} values
 * @param {boolean} [band]
 */
const held = (values, band = false) => ({
  base: 1,
  head: {
    step: 10,
    unit: '',
    from: 0,
    to: 100,
    lines: (band ? ['a'] : values.map((_, index) => 'ab'[index])).map((name) => ({
      name,
      labels: {},
      band,
    })),
  },
  at: new Float64Array(values[0].map((_, index) => 10 * index)),
  values: values.map((each) => new Float64Array(each)),
});

test('a line goes on between numbers that come less often than points', () => {
  const [line] = shownOf(held([[1, N, 3, N, 5, N, 7]]), new Set(), false);
  assert.deepEqual(line.value, [1, undefined, 3, undefined, 5, undefined, 7]);
  assert.deepEqual([valueAt(line.value, 1), valueAt(line.value, 2)], [1, 3]);
});

test('a line breaks where numbers were missing for long', () => {
  const [line] = shownOf(held([[1, 2, 3, N, N, N, N, 8, 9]]), new Set(), false);
  assert.deepEqual(line.value, [1, 2, 3, null, null, null, null, 8, 9]);
  assert.equal(valueAt(line.value, 4), null);
});

test('where missing means nothing, a break is nought', () => {
  const [line] = shownOf(held([[1, 2, 3, N, N, N, N, 8, 9]]), new Set(), true);
  assert.deepEqual(line.value, [1, 2, 3, 0, 0, 0, 0, 8, 9]);
});

test('lines that were switched off are not drawn, the others keep their colours', () => {
  const lines = shownOf(held([[1], [2]]), new Set(['a']), false);
  assert.deepEqual([lines.length, lines[0].name, lines[0].index], [1, 'b', 1]);
});

test('stacked lines stand on those after them, also where those come less often', () => {
  const lines = shownOf(
    held([
      [1, 1, 1, 1, 1],
      [5, N, 6, N, 7],
    ]),
    new Set(),
    false,
  );
  assert.deepEqual(stacked(lines), [
    [6, 6, 7, 7, 8],
    [5, 5, 6, 6, 7],
  ]);
});

test('figures of a line know the spikes of its band', () => {
  const [figures] = figuresOf(
    held(
      [
        [1, 2, N],
        [0, 1, N],
        [9, 4, N],
      ],
      true,
    ),
  );
  assert.deepEqual(figures, { last: 2, min: 0, max: 9, mean: 1.5 });
});
