// The server to compare with: Hocuspocus, storing each document's state to a file as it would to a
// database, debounced as its documentation says.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Server } from '@hocuspocus/server';
import * as Y from 'yjs';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hocuspocus-'));
const server = new Server({
  port: Number(process.argv[2]),
  address: '127.0.0.1',
  quiet: true,
  debounce: 2000,
  maxDebounce: 10_000,
  async onStoreDocument({ documentName, document }) {
    const file = path.join(directory, encodeURIComponent(documentName));
    fs.writeFileSync(file, Y.encodeStateAsUpdate(document));
  },
});
await server.listen();
console.log('ready');
