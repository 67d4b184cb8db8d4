import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as Y from 'yjs';
import { isAlive } from '../src/selection.js';

function withParagraph() {
  // As on the page, where undo keeps what was deleted.
  const doc = new Y.Doc({ gc: false });
  const quote = new Y.XmlElement('blockquote');
  const text = new Y.XmlText('abc');
  quote.insert(0, [text]);
  doc.getXmlFragment('body').insert(0, [quote]);
  return { doc, text, body: doc.getXmlFragment('body') };
}

test('a position lives on when others write around it or delete the letter beside it', () => {
  const { doc, text, body } = withParagraph();
  const position = Y.createRelativePositionFromTypeIndex(text, 2, -1);
  body.insert(0, [new Y.XmlElement('paragraph')]);
  text.delete(1, 1);
  assert.ok(isAlive(position, doc));
});

test('a position dies with its text and with any block around it', () => {
  const { doc, text, body } = withParagraph();
  const position = Y.createRelativePositionFromTypeIndex(text, 0, -1);
  body.delete(0, 1);
  assert.ok(!isAlive(position, doc));
  assert.ok(!isAlive(null, doc));
});
