/**
 * Give every new block of text the shared text that its letters will go into.
 *
 * The binding makes an empty paragraph without one and adds it with the first letter. Two people
 * who begin the same paragraph at once would then each add a text, the binding would join the two
 * by deleting one, and what is being typed into that one would be lost.
 */
import { ySyncPluginKey } from '@tiptap/y-tiptap';
import * as Y from 'yjs';

/**
 * @param {Y.Doc} doc
 * @param {import('@tiptap/pm/model').Schema} schema tells which nodes are blocks of text
 */
export function fillTextBlocks(doc, schema) {
  doc.on('afterTransaction', (transaction) => {
    if (transaction.origin !== ySyncPluginKey) return;
    const empty = createdBy(transaction).filter(
      (element) => element.length === 0 && schema.nodes[element.nodeName]?.isTextblock,
    );
    if (empty.length === 0) return;
    doc.transact((filling) => {
      // Undone, or not, together with the block.
      filling.meta.set('addToHistory', transaction.meta.get('addToHistory'));
      for (const element of empty) element.insert(0, [new Y.XmlText()]);
    }, ySyncPluginKey);
  });
}

/**
 * @param {Y.Transaction} transaction
 * @returns {Y.XmlElement[]} elements that this page created in it and that are still there
 */
function createdBy({ doc, beforeState, afterState }) {
  const from = beforeState.get(doc.clientID) ?? 0;
  if (from === (afterState.get(doc.clientID) ?? 0)) return [];
  const structs = doc.store.clients.get(doc.clientID) ?? [];
  return structs.slice(Y.findIndexSS(structs, from)).flatMap((struct) => {
    if (struct.deleted || !(struct instanceof Y.Item)) return [];
    const { content } = struct;
    return content instanceof Y.ContentType && content.type instanceof Y.XmlElement
      ? [content.type]
      : [];
  });
}
