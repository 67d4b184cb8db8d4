/**
 * Cut one large Yjs V1 update into several valid ones, to be applied one after another.
 *
 *     update     = structs deletions
 *     structs    = varuint authors, { varuint n, varuint author, varuint clock, n * struct }*
 *     deletions  = varuint authors, { varuint author, varuint n, n * (varuint clock, varuint length) }*
 *
 * Three rules make each piece acceptable by itself:
 * - No struct comes before one that it refers to, so that nothing waits for a later piece.
 *   Deletions come last, when all that they delete is there.
 * - A piece ends only before a struct whose parent is not in the same piece. Yjs writes a new block
 *   depth first, so a block goes as a whole: an editor that met a table without its first row would
 *   remove it as invalid, for everyone.
 * - Only `most` outweighs that: then the cut is made where it must be.
 */
import * as encoding from 'lib0/encoding';
import * as Y from 'yjs';
import { ordered } from './order.js';

/**
 * @typedef {import('./order.js').Struct} Struct
 * @typedef {{ clock: number, end: number, nested: boolean, bytes: Uint8Array }} Entry `nested`: its
 *   parent was created in the same piece
 */

/** What an author's head (three varuints) and a piece's counts may take, generously. */
const HEAD_BYTES = 48;

/** One UTF-16 unit takes at most three bytes in UTF-8. */
const BYTES_PER_UNIT = 3;

/**
 * @param {Uint8Array} update a V1 update
 * @param {{ target: number, most: number }} size in bytes: a piece is closed at the first good
 *   place after `target`, and never grows beyond `most`
 * @returns {Uint8Array[]} V1 updates in the order in which to apply them; none for an empty update
 * @throws {RangeError} when a single value that cannot be divided is larger than `most`
 */
export function cut(update, { target, most }) {
  const { structs, ds } = Y.decodeUpdate(update);
  const present = structs.filter((struct) => !(struct instanceof Y.Skip));
  const pieces = [];
  let piece = new Piece();
  for (const struct of ordered(/** @type {Struct[]} */ (present))) {
    for (const part of divided(struct, Math.min(target, most) - HEAD_BYTES)) {
      const bytes = encoded(part);
      if (bytes.length + 2 * HEAD_BYTES > most)
        throw new RangeError('A single value is too large.');
      const isRipe = piece.length >= target && !piece.holdsParentOf(part);
      const isFull = piece.length + bytes.length + HEAD_BYTES > most;
      if (isRipe || isFull || !piece.isContinuedBy(part)) {
        pieces.push(piece.toUpdate());
        piece = new Piece();
      }
      piece.add(part, bytes);
    }
  }
  if (piece.authors.size > 0) pieces.push(piece.toUpdate());
  return [...pieces, ...cutDeletions(ds.clients, target)];
}

/** One update in the making. */
class Piece {
  constructor() {
    /** @type {Map<number, Entry[]>} an author's entries, by clock and without gaps */
    this.authors = new Map();
    /** Bytes, rounded up. */
    this.length = HEAD_BYTES;
  }

  /** @param {Struct} struct */
  isContinuedBy(struct) {
    const last = this.authors.get(struct.id.client)?.at(-1);
    return last === undefined || last.end === struct.id.clock;
  }

  /** @param {Struct} struct */
  holdsParentOf(struct) {
    if (!(struct instanceof Y.Item)) return false;
    // With a neighbour given, the format leaves the parent out: it is the neighbour's.
    const neighbour = struct.origin ?? struct.rightOrigin;
    if (neighbour !== null) return this.find(neighbour)?.nested ?? false;
    return struct.parent instanceof Y.ID && this.find(struct.parent) !== undefined;
  }

  /**
   * @param {Y.ID} id
   * @returns {Entry | undefined} the entry that covers the id
   */
  find(id) {
    const entries = this.authors.get(id.client) ?? [];
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (entries[middle].end <= id.clock) low = middle + 1;
      else high = middle;
    }
    return low < entries.length && entries[low].clock <= id.clock ? entries[low] : undefined;
  }

  /**
   * @param {Struct} struct
   * @param {Uint8Array} bytes the struct, encoded
   */
  add(struct, bytes) {
    const { client, clock } = struct.id;
    const entry = { clock, end: clock + struct.length, nested: this.holdsParentOf(struct), bytes };
    const entries = this.authors.get(client);
    if (entries === undefined) {
      this.authors.set(client, [entry]);
      this.length += HEAD_BYTES;
    } else {
      entries.push(entry);
    }
    this.length += bytes.length;
  }

  /** @returns {Uint8Array} */
  toUpdate() {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, this.authors.size);
    for (const [author, entries] of this.authors) {
      encoding.writeVarUint(encoder, entries.length);
      encoding.writeVarUint(encoder, author);
      encoding.writeVarUint(encoder, entries[0].clock);
      for (const { bytes } of entries) encoding.writeUint8Array(encoder, bytes);
    }
    encoding.writeVarUint(encoder, 0);
    return encoding.toUint8Array(encoder);
  }
}

/**
 * A struct in parts of at most `most` bytes, if it is text; whole otherwise.
 *
 * @param {Struct} struct
 * @param {number} most
 * @returns {Generator<Struct>}
 */
function* divided(struct, most) {
  let rest = struct;
  const units = Math.max(2, Math.floor(most / BYTES_PER_UNIT));
  while (rest instanceof Y.Item && rest.content instanceof Y.ContentString && rest.length > units) {
    const { content, id } = rest;
    // Yjs replaces a surrogate pair that is cut in two by two U+FFFD: cut before it.
    const at = isHighSurrogate(content.str.charCodeAt(units - 1)) ? units - 1 : units;
    const right = new Y.Item(
      Y.createID(id.client, id.clock + at),
      null,
      Y.createID(id.client, id.clock + at - 1),
      null,
      rest.rightOrigin,
      null,
      null,
      content.splice(at),
    );
    rest.length = at;
    yield rest;
    rest = right;
  }
  yield rest;
}

/** @param {number} unit */
const isHighSurrogate = (unit) => unit >= 0xd800 && unit <= 0xdbff;

/**
 * @param {Struct} struct
 * @returns {Uint8Array}
 */
function encoded(struct) {
  const encoder = new Y.UpdateEncoderV1();
  struct.write(encoder, 0);
  return encoding.toUint8Array(encoder.restEncoder);
}

/**
 * @param {Map<number, { clock: number, len: number }[]>} authors deleted ranges
 * @param {number} target bytes after which an update is closed
 * @returns {Uint8Array[]} updates that only delete
 */
function cutDeletions(authors, target) {
  const updates = [];
  // Two varuints of at most nine bytes each per range.
  const most = Math.max(1, Math.floor(target / 18));
  for (const [author, ranges] of authors) {
    for (let from = 0; from < ranges.length; from += most) {
      updates.push(deletion(author, ranges.slice(from, from + most)));
    }
  }
  return mergedSmall(updates, target);
}

/**
 * @param {number} author
 * @param {{ clock: number, len: number }[]} ranges
 */
function deletion(author, ranges) {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, 0);
  encoding.writeVarUint(encoder, 1);
  encoding.writeVarUint(encoder, author);
  encoding.writeVarUint(encoder, ranges.length);
  for (const { clock, len } of ranges) {
    encoding.writeVarUint(encoder, clock);
    encoding.writeVarUint(encoder, len);
  }
  return encoding.toUint8Array(encoder);
}

/**
 * Neighbouring updates joined while they stay under `target` bytes: many authors delete a little.
 *
 * @param {Uint8Array[]} updates
 * @param {number} target
 */
function mergedSmall(updates, target) {
  /** @type {{ length: number, updates: Uint8Array[] }[]} */
  const groups = [];
  for (const update of updates) {
    const group = groups.at(-1);
    if (group !== undefined && group.length + update.length <= target) {
      group.updates.push(update);
      group.length += update.length;
    } else {
      groups.push({ length: update.length, updates: [update] });
    }
  }
  return groups.map((group) => Y.mergeUpdates(group.updates));
}
