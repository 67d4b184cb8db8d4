import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decode } from '../src/dashboard/frames.js';
import { summary, taken } from '../src/dashboard/points.js';

const examples = new URL('../../../tests/dashboards/frames.json', import.meta.url);

/**
 * @typedef {object} Entry
 * @property {string} panel
 * @property {number} type
 * @property {number} base
 * @property {number[]} at
 * @property {(number | null)[][]} columns
 * @property {import('../src/dashboard/frames.js').Head} [meta]
 * @property {number} [dropBefore]
 * @property {number} [from]
 */
/** @type {{ name: string, hex: string, frame: { tick: number, entries: Entry[] } }[]} */
const CASES = JSON.parse(readFileSync(examples, 'utf8'));

/** @param {string} hex */
const bytes = (hex) => new Uint8Array(Buffer.from(hex, 'hex')).buffer;

/** @param {Float64Array} column */
const plain = (column) => [...column].map((value) => (Number.isNaN(value) ? null : value));

/** @param {number} count */
const unbanded = (count) =>
  Array.from({ length: count }, () => ({ name: '', labels: {}, band: false }));

for (const { name, hex, frame } of CASES) {
  test(`a frame reads as the server wrote it: ${name}`, () => {
    const { tick, entries } = decode(bytes(hex));
    assert.equal(tick, frame.tick);
    assert.equal(entries.length, frame.entries.length);
    entries.forEach((entry, index) => {
      const told = frame.entries[index];
      assert.deepEqual([entry.panel, entry.base], [told.panel, told.base]);
      const { at, values } =
        entry.type === 'full' ? entry.columns : entry.columns(unbanded(told.columns.length));
      assert.deepEqual([...at], told.at);
      if (told.at.length > 0) assert.deepEqual(values.map(plain), told.columns);
      if (entry.type === 'full') assert.deepEqual(entry.head, told.meta);
      else assert.deepEqual([entry.dropBefore, entry.from], [told.dropBefore, told.from]);
    });
  });
}

test('a frame that is cut off, or of another version, is none', () => {
  const { hex } = /** @type {(typeof CASES)[0]} */ (CASES.find(({ name }) => name === 'full'));
  assert.throws(() => decode(bytes(hex.slice(0, -2))), RangeError);
  assert.throws(() => decode(bytes(`02${hex.slice(2)}`)), RangeError);
});

const HEAD = { step: 10, unit: '', from: 0, to: 40, lines: unbanded(1) };

/**
 * @param {number[]} at
 * @param {number[]} values
 */
const columns = (at, values) => ({ at: new Float64Array(at), values: [new Float64Array(values)] });

/** @type {import('../src/dashboard/frames.js').Full} */
const FULL = {
  type: 'full',
  panel: 'p',
  base: 7,
  head: HEAD,
  columns: columns([0, 10, 20], [1, 2, 3]),
};

/**
 * @param {number} dropBefore
 * @param {number} from
 * @param {number[]} at
 * @param {number[]} values
 * @returns {import('../src/dashboard/frames.js').Delta}
 */
const delta = (dropBefore, from, at, values, base = 7) => ({
  type: 'delta',
  panel: 'p',
  base,
  dropBefore,
  from,
  columns: () => columns(at, values),
});

test('an end replaces the end, and what is too old goes', () => {
  const held = taken(undefined, FULL);
  assert.ok(held);
  const later = taken(held, delta(10, 20, [20, 30], [30, 4]));
  assert.deepEqual(later && [...later.at], [10, 20, 30]);
  assert.deepEqual(later && [...later.values[0]], [2, 30, 4]);
  assert.deepEqual(later && [later.head.from, later.head.to], [10, 50]);
  assert.deepEqual([...held.at], [0, 10, 20]);
});

test('an end of an answer that is not held is not taken', () => {
  assert.equal(taken(undefined, delta(0, 20, [20], [1])), null);
  assert.equal(taken(taken(undefined, FULL) ?? undefined, delta(0, 20, [20], [1], 8)), null);
});

test('a page says how far its charts go', () => {
  const held = /** @type {import('../src/dashboard/points.js').Held} */ (taken(undefined, FULL));
  assert.deepEqual(summary([['p', held]]), { p: [7, 20] });
});
