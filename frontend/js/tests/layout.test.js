import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as Y from 'yjs';
import {
  copyOf,
  EDIT,
  matchersOf,
  newId,
  newQueryKey,
  optionsIn,
  panelsIn,
  panelWith,
  placeOf,
  queriesOf,
  queryKeysIn,
  queryNames,
  renameVariable,
  rootsOf,
  thresholdsOf,
  write,
} from '../src/dashboard/layout.js';
import { spotFor } from '../src/dashboard/places.js';

/** Two copies of one layout, with a panel, that hear of each other when asked. */
function pair() {
  const [one, other] = [new Y.Doc(), new Y.Doc()];
  rootsOf(one).panels.set('aaaaaaaaaa', panelWith({ kind: 'stat', title: 'CPU', x: 0, y: 0 }));
  const meet = () => {
    Y.applyUpdate(other, Y.encodeStateAsUpdate(one));
    Y.applyUpdate(one, Y.encodeStateAsUpdate(other));
  };
  meet();
  const panel = (/** @type {Y.Doc} */ doc) =>
    /** @type {Y.Map<any>} */ (rootsOf(doc).panels.get('aaaaaaaaaa'));
  return { one, other, meet, panel };
}

test('different values of one panel that are changed at once all survive', () => {
  const { one, other, meet, panel } = pair();
  write(panel(one), { title: 'Load', x: 0, y: 0 });
  write(panel(other), { title: 'CPU', x: 3, y: 2.5 });
  meet();
  for (const doc of [one, other]) {
    const { title } = optionsIn(panel(doc));
    assert.deepEqual([title, placeOf(panel(doc)).x, placeOf(panel(doc)).y], ['Load', 3, 2.5]);
  }
});

test('what is as it was is not written', () => {
  const { one, panel } = pair();
  let updates = 0;
  one.on('update', () => {
    updates += 1;
  });
  write(panel(one), { title: 'CPU', thresholds: undefined });
  assert.equal(updates, 0);
  write(panel(one), { thresholds: [[80, 'warn']] });
  write(panel(one), { thresholds: [[80, 'warn']] });
  assert.equal(updates, 1);
});

test('undo takes back what the editor did, and nothing that others did', () => {
  const { one, other, meet, panel } = pair();
  const undo = new Y.UndoManager([rootsOf(one).panels], { trackedOrigins: new Set([EDIT]) });
  write(panel(one), { title: 'Mine' });
  write(panel(other), { unit: 'bytes' });
  meet();
  undo.undo();
  const { title, unit } = optionsIn(panel(one));
  assert.deepEqual([title, unit], ['CPU', 'bytes']);
});

test('whatever a program wrote reads as plain values', () => {
  const doc = new Y.Doc();
  const { panels } = rootsOf(doc);
  panels.set('aaaaaaaaaa', panelWith({ kind: 'no kind', w: 99, x: -4, y: 'high', min: '1' }));
  panels.set('not an id', panelWith({}));
  doc.getMap('panels').set('bbbbbbbbbb', 'no panel');
  const [[id, map]] = panelsIn(panels);
  assert.deepEqual([panelsIn(panels).length, id], [1, 'aaaaaaaaaa']);
  assert.deepEqual(placeOf(map), { x: 0, y: 0, w: 12, h: 4 });
  assert.deepEqual([optionsIn(map).kind, optionsIn(map).min], ['timeseries', null]);
  assert.deepEqual(thresholdsOf([[95, 'bad'], ['x', 'warn'], [80, 'warn'], [1, 'loud'], 7]), [
    [80, 'warn'],
    [95, 'bad'],
  ]);
  assert.deepEqual(matchersOf([['host', '=', 'a'], ['host'], null]), [['host', '=', 'a']]);
});

test('a copy is all of a panel, and its own', () => {
  const doc = new Y.Doc();
  const { panels } = rootsOf(doc);
  panels.set('aaaaaaaaaa', panelWith({ kind: 'text', w: 4 }, { a: { metric: 'cpu' } }, '# Notes'));
  panels.set('bbbbbbbbbb', copyOf(/** @type {Y.Map<any>} */ (panels.get('aaaaaaaaaa'))));
  panels.get('aaaaaaaaaa')?.get('text').insert(0, 'My ');
  assert.deepEqual(panels.get('bbbbbbbbbb')?.toJSON(), {
    kind: 'text',
    w: 4,
    queries: { a: { metric: 'cpu' } },
    text: '# Notes',
  });
});

test('ids are ten letters and digits, each another', () => {
  const ids = new Set(Array.from({ length: 100 }, newId));
  assert.equal(ids.size, 100);
  for (const id of ids) assert.match(id, /^[a-z0-9]{10}$/);
});

test('a new panel goes beside the last, a copy beside its original', () => {
  const places = { a: { x: 0, y: 0, w: 6, h: 4 }, b: { x: 0, y: 4, w: 6, h: 2 } };
  assert.deepEqual(spotFor(places, 6, 4), { x: 6, y: 5, w: 6, h: 4 });
  assert.equal(spotFor({}, 6, 4).x, 0);
  const copy = spotFor(places, 6, 4, 'a');
  assert.deepEqual([copy.x, copy.w], [6, 6]);
});

test('a variable is renamed wherever panels refer to it, in one step', () => {
  const doc = new Y.Doc();
  const roots = rootsOf(doc);
  const query = {
    metric: '$host',
    matchers: [
      ['host', '=~', `\${host}.*`],
      ['$hostname', '=', '$$host'],
    ],
    by: ['host'],
  };
  roots.panels.set('aaaaaaaaaa', panelWith({ title: 'On $host' }, { a: query }));
  roots.panels.set('bbbbbbbbbb', panelWith({ kind: 'stat' }, { a: { metric: 'cpu' } }));
  roots.variables.set('host', new Y.Map(Object.entries({ kind: 'label', order: 3 })));
  const undo = new Y.UndoManager(Object.values(roots), { trackedOrigins: new Set([EDIT]) });
  const before = [roots.panels.toJSON(), roots.variables.toJSON()];
  renameVariable(roots, 'host', 'machine');
  const { aaaaaaaaaa: one, bbbbbbbbbb: other } = roots.panels.toJSON();
  assert.equal(one.title, 'On $machine');
  assert.deepEqual(one.queries.a, {
    metric: '$machine',
    matchers: [
      ['host', '=~', `\${machine}.*`],
      ['$hostname', '=', '$$host'],
    ],
    by: ['host'],
  });
  assert.deepEqual(other, before[0].bbbbbbbbbb);
  assert.deepEqual(roots.variables.toJSON(), { machine: { kind: 'label', order: 3 } });
  renameVariable(roots, 'nothing', 'machine');
  renameVariable(roots, 'machine', 'machine');
  undo.undo();
  assert.deepEqual([roots.panels.toJSON(), roots.variables.toJSON()], before);
});

test('two who add a query at the same moment add two', () => {
  const { one, other, meet, panel } = pair();
  for (const doc of [one, other]) {
    const queries = queriesOf(panel(doc));
    for (let n = 0; n < 2; n++) queries.set(newQueryKey(queryKeysIn(queries)), new Y.Map());
  }
  meet();
  const [keys, others] = [one, other].map((doc) => queryKeysIn(queriesOf(panel(doc))));
  assert.deepEqual(keys, others);
  assert.deepEqual([...queryNames(keys).values()], ['A', 'A2', 'B', 'B2']);
  assert.equal(newQueryKey(keys)[0], 'c');
  assert.deepEqual([...queryNames(['a', 'b', 'f']).values()], ['A', 'B', 'F']);
  assert.equal(newQueryKey(['z'])[0], 'z');
});
