/**
 * The frames of the room's socket, as far as this page looks into them.
 *
 *     frame   = [0, 0, sv] | [0, 1, update] | [0, 2, update] | [1, awareness]
 *             | [2, 0, reason] | [3] | [8, varuint n]
 *
 * `[0, 1, ...]` (sync step 2) and `[0, 2, ...]` (update) are frames with content. `[8, n]` is
 * Collab's own: of the frames with content sent on this connection, the first n are durable.
 */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';

const SYNC = 0;
const STEP_2 = 1;
const UPDATE = 2;
const AWARENESS = 1;

export const DENIED = 2;
export const ACK = 8;

/** @param {Uint8Array} frame */
export const isStep2 = (frame) => frame[0] === SYNC && frame[1] === STEP_2;

/** @param {Uint8Array} frame */
export const isContent = (frame) =>
  frame[0] === SYNC && (frame[1] === STEP_2 || frame[1] === UPDATE);

/**
 * Does a frame only repeat what others said of themselves?
 *
 * y-websocket sends every presence state back that it receives, which costs the server as many
 * states per tick as there are people, from each of them. Only one's own is news.
 *
 * @param {Uint8Array} frame
 * @param {number} client the page's own client id
 */
export function isEcho(frame, client) {
  if (frame[0] !== AWARENESS) return false;
  const outer = decoding.createDecoder(frame);
  decoding.readVarUint(outer);
  const states = decoding.createDecoder(decoding.readVarUint8Array(outer));
  for (let left = decoding.readVarUint(states); left > 0; left--) {
    if (decoding.readVarUint(states) === client) return false;
    decoding.readVarUint(states);
    decoding.readVarUint8Array(states);
  }
  return true;
}

/**
 * The update that a frame with content carries.
 *
 * @param {Uint8Array} frame
 * @returns {Uint8Array}
 */
export function updateOf(frame) {
  const decoder = decoding.createDecoder(frame);
  decoding.readVarUint(decoder);
  decoding.readVarUint(decoder);
  return decoding.readVarUint8Array(decoder);
}

/**
 * @param {Uint8Array} update
 * @returns {Uint8Array} `[0, 2, update]`
 */
export function updateFrame(update) {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, SYNC);
  encoding.writeVarUint(encoder, UPDATE);
  encoding.writeVarUint8Array(encoder, update);
  return encoding.toUint8Array(encoder);
}
