/**
 * The binary frames that charts are drawn from, as `dashboards/frames.py` says; both are tested on
 * the same bytes. NaN is no value.
 *
 * @typedef {object} Line
 * @property {string} name
 * @property {Record<string, string>} labels
 * @property {boolean} band it has `low` and `high`
 *
 * @typedef {object} Head
 * @property {number} step of the points, in ms
 * @property {string} unit
 * @property {number} from
 * @property {number} to
 * @property {Line[]} lines
 *
 * @typedef {object} Columns
 * @property {Float64Array} at Unix ms, rising
 * @property {Float64Array[]} values of each line: value, and low and high where it has a band
 *
 * @typedef {object} Full
 * @property {'full'} type
 * @property {string} panel
 * @property {number} base
 * @property {Head} head
 * @property {Columns} columns
 *
 * @typedef {object} Delta
 * @property {'delta'} type
 * @property {string} panel
 * @property {number} base
 * @property {number} dropBefore points before it go, and the span that is shown begins here
 * @property {number} from points from it on are replaced
 * @property {(lines: Line[]) => Columns} columns what it holds is known with the lines of its base
 *
 * @typedef {object} Frame
 * @property {number} tick the server's time, Unix ms
 * @property {(Full | Delta)[]} entries
 */

const VERSION = 1;
const FULL = 0;
const DELTA = 1;

/** Reads on; every read beyond the end throws a RangeError. */
class Reader {
  /**
   * @param {ArrayBuffer} buffer
   * @param {number} [at]
   * @param {number} [end]
   */
  constructor(buffer, at = 0, end = buffer.byteLength) {
    this.buffer = buffer;
    this.view = new DataView(buffer, 0, end);
    this.at = at;
    this.end = end;
  }

  get isAtEnd() {
    return this.at >= this.end;
  }

  /** @param {number} bytes */
  skip(bytes) {
    const at = this.at;
    if (at + bytes > this.end) throw new RangeError('The frame ends too soon.');
    this.at += bytes;
    return at;
  }

  u8() {
    return this.view.getUint8(this.skip(1));
  }

  u32() {
    return this.view.getUint32(this.skip(4), true);
  }

  f64() {
    return this.view.getFloat64(this.skip(8), true);
  }

  /** @param {number} bytes */
  text(bytes) {
    const at = this.skip(bytes);
    return new TextDecoder().decode(new Uint8Array(this.buffer, at, bytes));
  }

  /** @param {number} count */
  numbers(count) {
    const at = this.skip(8 * count);
    // Every browser's machine is little endian; a copy is aligned, as the frame is not.
    return new Float64Array(this.buffer.slice(at, at + 8 * count));
  }
}

/**
 * @param {ArrayBuffer} buffer
 * @returns {Frame}
 * @throws {RangeError} when it is no such frame
 */
export function decode(buffer) {
  const reader = new Reader(buffer);
  if (reader.u8() !== VERSION) throw new RangeError('The frame is of another version.');
  const tick = reader.f64();
  /** @type {(Full | Delta)[]} */
  const entries = [];
  while (!reader.isAtEnd) entries.push(...entry(reader));
  return { tick, entries };
}

/**
 * @param {Reader} reader
 * @returns {(Full | Delta)[]} none of a type that is not known
 */
function entry(reader) {
  const panel = reader.text(reader.u8());
  const type = reader.u8();
  const base = reader.u32();
  const length = reader.u32();
  const start = reader.skip(length);
  const body = new Reader(reader.buffer, start, start + length);
  if (type === FULL) return [full(panel, base, body)];
  return type === DELTA ? [delta(panel, base, body)] : [];
}

/**
 * @param {string} panel
 * @param {number} base
 * @param {Reader} body
 * @returns {Full}
 */
function full(panel, base, body) {
  const head = JSON.parse(body.text(body.u32()));
  return { type: 'full', panel, base, head, columns: columns(body, head.lines) };
}

/**
 * @param {string} panel
 * @param {number} base
 * @param {Reader} body
 * @returns {Delta}
 */
function delta(panel, base, body) {
  const dropBefore = body.f64();
  const from = body.f64();
  return { type: 'delta', panel, base, dropBefore, from, columns: (lines) => columns(body, lines) };
}

/**
 * @param {Reader} body
 * @param {Line[]} lines
 * @returns {Columns}
 */
function columns(body, lines) {
  const points = body.u32();
  const at = body.numbers(points);
  const values = lines.flatMap(({ band }) =>
    Array.from({ length: band ? 3 : 1 }, () => body.numbers(points)),
  );
  return { at, values };
}
