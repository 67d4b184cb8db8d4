/**
 * Export the editor's schema for the server, byte for byte the same on every machine.
 *
 * Run with a path it writes the file there; the build does, the test compares.
 */
import { writeFile } from 'node:fs/promises';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { getSchema } from '@tiptap/core';
import { content } from './src/content.js';
import { SCHEMA_VERSION } from './src/schema.js';

export const SCHEMA_FILE = fileURLToPath(
  new URL('../../documents/content/schema.json', import.meta.url),
);

/** @returns {string} JSON of the version, and of all nodes and marks in ProseMirror's order */
export function exported() {
  const { nodes, marks } = getSchema(content());
  const all = {
    version: SCHEMA_VERSION,
    nodes: mapped(nodes, (type) => ({
      attrs: defaults(type.spec.attrs),
      content: type.spec.content ?? '',
      group: type.spec.group ?? '',
      marks: type.spec.marks,
    })),
    marks: mapped(marks, (type) => ({
      attrs: defaults(type.spec.attrs),
      excludes: type.spec.excludes,
    })),
  };
  return `${JSON.stringify(all, null, 2)}\n`;
}

/**
 * @template Value, Result
 * @param {Record<string, Value>} of
 * @param {(value: Value) => Result} change
 */
const mapped = (of, change) =>
  Object.fromEntries(Object.entries(of).map(([name, value]) => [name, change(value)]));

/** @param {Record<string, { default?: unknown }>} [attrs] */
const defaults = (attrs = {}) => mapped(attrs, (attr) => attr.default ?? null);

if (argv[1] === fileURLToPath(import.meta.url)) await writeFile(SCHEMA_FILE, exported());
