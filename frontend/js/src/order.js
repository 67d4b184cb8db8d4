/** Structs of a Yjs update in an order in which each comes after all it refers to. */
import * as Y from 'yjs';

/**
 * @typedef {Y.Item | Y.GC} Struct
 * @typedef {{ structs: Struct[], at: number, end: number }} Queue one author's structs by clock;
 *   `at` is the first not yet given out, `end` the clock behind the last
 */

/**
 * @param {Struct[]} structs as `Y.decodeUpdate` lists them: by author, then by clock
 * @returns {Generator<Struct>} the same structs; those of one author keep their order
 */
export function* ordered(structs) {
  const queues = queuesOf(structs);
  for (const author of queues.keys()) {
    const stack = [author];
    while (stack.length > 0) {
      const queue = /** @type {Queue} */ (queues.get(stack[stack.length - 1]));
      const struct = queue.structs[queue.at];
      if (struct === undefined) {
        stack.pop();
        continue;
      }
      const needed = references(struct).find((id) => isAhead(queues, id));
      if (needed !== undefined) {
        stack.push(needed.client);
        continue;
      }
      queue.at += 1;
      yield struct;
      // Back to whoever waited for this one; the first author goes on to the end.
      if (stack.length > 1) stack.pop();
    }
  }
}

/**
 * @param {Struct[]} structs
 * @returns {Map<number, Queue>}
 */
function queuesOf(structs) {
  const queues = new Map();
  for (const struct of structs) {
    const { client, clock } = struct.id;
    const queue = queues.get(client) ?? { structs: [], at: 0, end: 0 };
    queue.structs.push(struct);
    queue.end = clock + struct.length;
    queues.set(client, queue);
  }
  return queues;
}

/**
 * @param {Struct} struct
 * @returns {Y.ID[]} what must be known before the struct can be integrated
 */
function references(struct) {
  if (!(struct instanceof Y.Item)) return [];
  const { origin, rightOrigin, parent } = struct;
  return [origin, rightOrigin, parent].filter((id) => id instanceof Y.ID);
}

/**
 * Is the id part of this update, but not yet given out?
 *
 * @param {Map<number, Queue>} queues
 * @param {Y.ID} id
 */
function isAhead(queues, id) {
  const queue = queues.get(id.client);
  const first = queue?.structs[queue.at];
  return (
    queue !== undefined && first !== undefined && first.id.clock <= id.clock && id.clock < queue.end
  );
}
