import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isLive,
  lengthOf,
  lookIn,
  paramsOf,
  searchOf,
  selectionIn,
  spanOf,
  zoomed,
} from '../src/dashboard/selection.js';
import { instant, local, marked } from '../src/dashboard/zones.js';

Object.assign(globalThis, { document: { documentElement: { lang: 'en' } } });

const OTHERWISE = { from: 'now-1h', to: 'now', tz: 'Europe/Berlin', variables: {} };
const PLAIN = { kiosk: false, panel: null, edit: false };

test('an address says what is looked at, and says it again', () => {
  const search = '?from=now-6h&to=now&tz=UTC&var-host=a&var-host=b&kiosk=1&panel=p';
  const selection = selectionIn(search, OTHERWISE);
  assert.deepEqual(selection, {
    from: 'now-6h',
    to: 'now',
    tz: 'UTC',
    variables: { host: ['a', 'b'] },
  });
  assert.equal(searchOf(selection, lookIn(search), OTHERWISE), search);
});

test('an address need not say what is shown anyway', () => {
  assert.deepEqual(selectionIn('', OTHERWISE), OTHERWISE);
  assert.equal(searchOf(OTHERWISE, PLAIN, OTHERWISE), '');
});

test('a beginning alone ends now', () => {
  const fixed = { ...OTHERWISE, from: '1000', to: '2000' };
  assert.equal(selectionIn('?from=now-5m', fixed).to, 'now');
});

test('a link to a file says all of it', () => {
  assert.equal(paramsOf(OTHERWISE).toString(), 'from=now-1h&to=now&tz=Europe%2FBerlin');
});

test('what ends now goes on as time does', () => {
  assert.ok(isLive(OTHERWISE));
  assert.ok(isLive({ ...OTHERWISE, to: 'now/d' }));
  assert.ok(!isLive({ ...OTHERWISE, to: 'now-1h' }));
  assert.equal(lengthOf({ ...OTHERWISE, from: 'now-90m' }), 90 * 60_000);
  assert.equal(lengthOf({ ...OTHERWISE, from: 'now-1d/d' }), null);
});

test('a zoom is between two fixed times, of the same variables', () => {
  const part = zoomed({ ...OTHERWISE, variables: { host: ['a'] } }, 1000.4, 5000.6);
  assert.deepEqual([part.from, part.to, part.variables], ['1000', '5001', { host: ['a'] }]);
  assert.deepEqual(spanOf(part), [1000, 5001]);
  assert.equal(spanOf(OTHERWISE), null);
});

test('local times and instants fit each other, also where a clock is changed', () => {
  for (const word of ['2026-03-29T01:30:00', '2026-03-29T03:30:00', '2026-10-25T04:00:00']) {
    const at = instant(word, 'Europe/Berlin');
    assert.equal(at && local(at, 'Europe/Berlin'), word);
  }
  assert.equal(instant('2026-07-01T12:00:00', 'Asia/Kolkata'), Date.UTC(2026, 6, 1, 6, 30));
  assert.equal(instant('nonsense', 'UTC'), null);
});

test('a time axis names a day where it begins', () => {
  const marks = [Date.UTC(2026, 0, 1, 23), Date.UTC(2026, 0, 2, 0)];
  assert.deepEqual(marked(marks, 3_600_000, 'UTC'), ['23:00', 'Jan 2']);
});
