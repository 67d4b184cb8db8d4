import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Schema } from '@tiptap/pm/model';
import { ySyncPluginKey } from '@tiptap/y-tiptap';
import * as Y from 'yjs';
import { fillTextBlocks } from '../src/slots.js';
import { undoOf } from '../src/undo.js';

const schema = new Schema({
  nodes: {
    doc: { content: 'block+' },
    paragraph: { group: 'block', content: 'inline*' },
    blockquote: { group: 'block', content: 'block+' },
    text: { group: 'inline' },
  },
});

function page() {
  const doc = new Y.Doc();
  const body = doc.getXmlFragment('body');
  fillTextBlocks(doc, schema);
  /** @param {() => void} change as the binding does it */
  const bound = (change) => doc.transact(change, ySyncPluginKey);
  return { doc, body, bound };
}

/**
 * @param {string} name
 * @param {(Y.XmlElement | Y.XmlText)[]} [children]
 */
function element(name, children = []) {
  const made = new Y.XmlElement(name);
  made.insert(0, children);
  return made;
}

/** @param {unknown} node */
const textsOf = (node) =>
  node instanceof Y.XmlElement ? node.toArray().filter((each) => each instanceof Y.XmlText) : [];

test('a new empty paragraph has a text, however deep it is', () => {
  const { body, bound } = page();
  const inner = element('paragraph');
  bound(() => body.insert(0, [element('paragraph'), element('blockquote', [inner])]));
  assert.equal(textsOf(body.get(0)).length, 1);
  assert.equal(textsOf(inner).length, 1);
  assert.equal(textsOf(body.get(1)).length, 0, 'a quote is no block of text');
});

test('a paragraph that came with a text, or from elsewhere, is left alone', () => {
  const { doc, body, bound } = page();
  bound(() => body.insert(0, [element('paragraph', [new Y.XmlText('a')])]));
  assert.equal(textsOf(body.get(0)).length, 1);
  doc.transact(() => body.insert(0, [element('paragraph')]), 'elsewhere');
  assert.equal(textsOf(body.get(0)).length, 0);
});

test('two who begin one paragraph at once write into one text', () => {
  const one = page();
  one.bound(() => one.body.insert(0, [element('paragraph')]));
  const other = page();
  Y.applyUpdate(other.doc, Y.encodeStateAsUpdate(one.doc));
  for (const [{ body, bound }, word] of /** @type {const} */ ([
    [one, 'one'],
    [other, 'other'],
  ])) {
    bound(() => /** @type {Y.XmlText} */ (textsOf(body.get(0))[0]).insert(0, word));
  }
  Y.applyUpdate(one.doc, Y.encodeStateAsUpdate(other.doc));
  assert.equal(textsOf(one.body.get(0)).length, 1);
  assert.equal(one.body.toString().length, '<paragraph>oneother</paragraph>'.length);
});

test('undoing the paragraph takes its text with it', () => {
  const { doc, body, bound } = page();
  const undo = undoOf(body, doc.getText('title'));
  bound(() => body.insert(0, [element('paragraph')]));
  undo.undo();
  assert.equal(body.length, 0);
  undo.redo();
  assert.equal(body.length, 1);
});
