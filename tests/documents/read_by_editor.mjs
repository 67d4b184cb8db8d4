/** Reads documents as the editor's binding does, and says what its schema thinks of them. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../frontend/js/package.json', import.meta.url));
const Y = require('yjs');
const { Schema } = require('@tiptap/pm/model');
const { yXmlFragmentToProseMirrorRootNode } = require('@tiptap/y-tiptap');

const path = new URL('../../documents/content/schema.json', import.meta.url);
const exported = JSON.parse(readFileSync(path, 'utf8'));

const specs = (kinds) =>
  Object.fromEntries(
    Object.entries(kinds).map(([name, spec]) => {
      const attrs = Object.entries(spec.attrs).map(([key, value]) => [key, { default: value }]);
      const inline = spec.group === 'inline';
      return [name, { ...spec, inline, attrs: Object.fromEntries(attrs) }];
    }),
  );
const schema = new Schema({ nodes: specs(exported.nodes), marks: specs(exported.marks) });

/** One line in, a list of lists of updates in base64; one line out, a list of trees. */
const trees = JSON.parse(readFileSync(0, 'utf8')).map((updates) => {
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, Buffer.from(update, 'base64'));
  const node = yXmlFragmentToProseMirrorRootNode(doc.getXmlFragment('body'), schema);
  node.check();
  return node.toJSON();
});
console.log(JSON.stringify(trees));
