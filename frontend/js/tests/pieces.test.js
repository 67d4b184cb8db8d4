import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as Y from 'yjs';
import { cut } from '../src/pieces.js';

/** @param {Uint8Array[]} updates */
function applied(updates) {
  const doc = new Y.Doc();
  for (const update of updates) {
    Y.applyUpdate(doc, update);
    assert.equal(doc.store.pendingStructs, null, 'a piece waits for a later one');
    assert.equal(doc.store.pendingDs, null, 'a deletion waits for a later piece');
  }
  return doc;
}

/**
 * @param {Y.Doc} one
 * @param {Y.Doc} other
 */
function assertSame(one, other) {
  assert.deepEqual(Y.encodeStateVector(one), Y.encodeStateVector(other));
  assert.equal(one.getXmlFragment('body').toString(), other.getXmlFragment('body').toString());
  assert.equal(one.getText('title').toString(), other.getText('title').toString());
  assert.deepEqual(Y.encodeStateAsUpdate(one).length, Y.encodeStateAsUpdate(other).length);
}

/**
 * @param {Y.XmlFragment} parent
 * @param {string} name
 * @param {(Y.XmlElement | Y.XmlText)[]} children
 */
function append(parent, name, children) {
  const element = new Y.XmlElement(name);
  element.insert(0, children);
  parent.insert(parent.length, [element]);
  return element;
}

/** @param {string} text */
const cell = (text) => {
  const element = new Y.XmlElement('tableCell');
  const paragraph = new Y.XmlElement('paragraph');
  paragraph.insert(0, [new Y.XmlText(text)]);
  element.insert(0, [paragraph]);
  return element;
};

/** @param {number} columns */
const row = (columns) => {
  const element = new Y.XmlElement('tableRow');
  element.insert(
    0,
    Array.from({ length: columns }, (_, n) => cell(`cell ${n}`)),
  );
  return element;
};

/** @param {number} blocks */
function longDocument(blocks) {
  const doc = new Y.Doc();
  const body = doc.getXmlFragment('body');
  for (let n = 0; n < blocks; n += 1) {
    if (n % 5 === 0) append(body, 'table', [row(3), row(3)]);
    else append(body, 'paragraph', [new Y.XmlText(`paragraph ${n} ${'ä😀x'.repeat(20)}`)]);
  }
  doc.getText('title').insert(0, 'A title');
  return doc;
}

test('pieces applied one by one give the document, and each stands by itself', () => {
  const doc = longDocument(200);
  const pieces = cut(Y.encodeStateAsUpdate(doc), { target: 2000, most: 100_000 });
  assert.ok(pieces.length > 5);
  assertSame(applied(pieces), doc);
});

test('pieces of a document that two people wrote keep what refers to one another in order', () => {
  const one = longDocument(40);
  const other = new Y.Doc();
  for (let round = 0; round < 30; round += 1) {
    Y.applyUpdate(other, Y.encodeStateAsUpdate(one, Y.encodeStateVector(other)));
    other.getXmlFragment('body').insert(round, [cell(`other ${round}`)]);
    Y.applyUpdate(one, Y.encodeStateAsUpdate(other, Y.encodeStateVector(one)));
    one.getXmlFragment('body').insert(round + 1, [cell(`one ${round}`)]);
    one.getXmlFragment('body').delete(round * 2, 1);
  }
  const pieces = cut(Y.encodeStateAsUpdate(one), { target: 500, most: 100_000 });
  assert.ok(pieces.length > 10);
  assertSame(applied(pieces), one);
});

test('a difference is cut as well as a whole document', () => {
  const doc = longDocument(50);
  const known = Y.encodeStateAsUpdate(doc);
  const before = Y.encodeStateVector(doc);
  const title = doc.getText('title');
  for (let n = 0; n < 300; n += 1) title.insert(n % (title.length + 1), `${n} `);
  doc.getXmlFragment('body').delete(3, 20);
  const pieces = cut(Y.encodeStateAsUpdate(doc, before), { target: 200, most: 10_000 });
  assert.ok(pieces.length > 3);
  assertSame(applied([known, ...pieces]), doc);
});

test('a table is never cut: no piece leaves a table without rows or a row without cells', () => {
  const doc = longDocument(60);
  const copy = new Y.Doc();
  for (const piece of cut(Y.encodeStateAsUpdate(doc), { target: 100, most: 100_000 })) {
    Y.applyUpdate(copy, piece);
    for (const node of copy
      .getXmlFragment('body')
      .createTreeWalker((each) => each instanceof Y.XmlElement)) {
      const { nodeName, length } = /** @type {Y.XmlElement} */ (node);
      assert.ok(length > 0, `an empty ${nodeName}`);
      if (nodeName === 'table') assert.equal(length, 2);
      if (nodeName === 'tableRow') assert.equal(length, 3);
    }
  }
});

test('no piece is larger than the most, even when one text is', () => {
  const doc = new Y.Doc();
  append(doc.getXmlFragment('body'), 'paragraph', [new Y.XmlText('a😀ä'.repeat(20_000))]);
  const pieces = cut(Y.encodeStateAsUpdate(doc), { target: 4000, most: 8000 });
  assert.ok(pieces.every((piece) => piece.length <= 8000));
  const copy = applied(pieces);
  assert.equal(copy.getXmlFragment('body').toString(), doc.getXmlFragment('body').toString());
});

test('a value that cannot be divided and is too large is refused', () => {
  const doc = new Y.Doc();
  doc.getArray('body').insert(0, [new Uint8Array(10_000)]);
  assert.throws(() => cut(Y.encodeStateAsUpdate(doc), { target: 1000, most: 2000 }), RangeError);
});

test('very many deletions are cut too, and come after what they delete', () => {
  const doc = new Y.Doc();
  const title = doc.getText('title');
  title.insert(0, 'x'.repeat(6000));
  for (let n = 0; n < 2000; n += 1) title.delete(n + 1, 1);
  const pieces = cut(Y.encodeStateAsUpdate(doc), { target: 1000, most: 10_000 });
  assert.ok(pieces.length > 5);
  assertSame(applied(pieces), doc);
});

test('an empty update gives no piece', () => {
  assert.deepEqual(cut(Y.encodeStateAsUpdate(new Y.Doc()), { target: 100, most: 1000 }), []);
});
