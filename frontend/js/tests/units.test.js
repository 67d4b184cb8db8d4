import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { shown } from '../src/dashboard/units.js';

const examples = new URL('../../../tests/dashboards/units.json', import.meta.url);
/** @type {{ value: number | null, unit: string, decimals: number | null, shown: string }[]} */
const CASES = JSON.parse(readFileSync(examples, 'utf8'));

test('numbers are written as the server writes them', () => {
  for (const { value, unit, decimals, shown: wanted } of CASES) {
    assert.equal(shown(value, unit, decimals), wanted, `${value} ${unit} ${decimals}`);
  }
});
