// The server to compare with: Hocuspocus, storing each document's state to a file as it would to a
// database, debounced as its documentation says, and loading it from there.
import fs from 'node:fs';
import path from 'node:path';
import { Server } from '@hocuspocus/server';
import * as Y from 'yjs';

const [, , port, directory] = process.argv;
const fileOf = (name) => path.join(directory, `${encodeURIComponent(name)}.yjs`);
const server = new Server({
  port: Number(port),
  address: '127.0.0.1',
  quiet: true,
  debounce: 2000,
  maxDebounce: 10_000,
  async onLoadDocument({ documentName, document }) {
    const file = fileOf(documentName);
    if (fs.existsSync(file)) Y.applyUpdate(document, fs.readFileSync(file));
  },
  async onStoreDocument({ documentName, document }) {
    fs.writeFileSync(fileOf(documentName), Y.encodeStateAsUpdate(document));
  },
});
await server.listen();
console.log('ready');
