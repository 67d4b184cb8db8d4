/**
 * What leaves this page: each frame with content goes over the socket, or, when it is too large
 * for a frame, by POST.
 *
 * While an upload runs, later edits are held back, since they may refer to what is still on its
 * way. They follow when it is through. A sync step 2 holds everything that the server lacks, so it
 * takes the place of whatever was waiting or on its way before.
 */
import * as Y from 'yjs';
import { isStep2, updateFrame, updateOf } from './frames.js';
import { cut } from './pieces.js';
import { UploadRefused } from './upload.js';

/**
 * @typedef {object} Carrier one connection
 * @property {() => boolean} isOpen
 * @property {(frame: Uint8Array) => void} forward
 *
 * @typedef {object} Options
 * @property {boolean} canWrite a reader's copy sends nothing
 * @property {number} maxFrameBytes
 * @property {number} maxUploadBytes
 * @property {(updates: Uint8Array[], signal: AbortSignal,
 *   onProgress: (done: number, total: number) => void) => Promise<void>} post
 * @property {(event: import('./saving.js').Event) => void} note
 */

/** A good size for one request: little is repeated after a failure, and progress shows. */
export const PIECE_BYTES = 512 * 1024;

export class Uplink {
  /** @param {Options} options */
  constructor(options) {
    this.options = options;
    /** Frames with content that this page was asked to carry, on any connection. */
    this.taken = 0;
    /** @type {Uint8Array[]} updates that wait for the upload to end */
    this.held = [];
    /** @type {Carrier | null} */
    this.carrier = null;
    /** @type {AbortController | null} ends the upload that is under way */
    this.uploading = null;
  }

  /** Carry nothing more: the right to write is gone. */
  stop() {
    this.options = { ...this.options, canWrite: false };
  }

  /**
   * Take one frame with content.
   *
   * @param {Uint8Array} frame
   * @param {Carrier} carrier the connection it was meant for
   */
  take(frame, carrier) {
    if (!this.options.canWrite) return;
    this.taken += 1;
    this.carrier = carrier;
    if (isStep2(frame)) {
      this.uploading?.abort();
      this.uploading = null;
      this.held = [];
      this.options.note({ type: 'uploaded' });
    }
    if (this.uploading !== null) {
      this.held.push(updateOf(frame));
    } else if (frame.length > this.options.maxFrameBytes) {
      this.upload(updateOf(frame));
    } else {
      this.forward(frame);
    }
    if (isStep2(frame)) this.options.note({ type: 'answered' });
  }

  /** @param {Uint8Array} frame */
  forward(frame) {
    // A connection that has gone meanwhile loses nothing: the next one's step 2 has it.
    if (!this.carrier?.isOpen()) return;
    this.carrier.forward(frame);
    this.options.note({ type: 'sent' });
  }

  /**
   * Post the update, and then what was held back meanwhile.
   *
   * @param {Uint8Array} update
   * @returns {Promise<void>}
   */
  async upload(update) {
    const { maxFrameBytes, maxUploadBytes, note, post } = this.options;
    const controller = new AbortController();
    this.uploading = controller;
    /** @type {(done: number, total: number) => void} */
    const onProgress = (done, total) => {
      if (this.uploading === controller) note({ type: 'uploading', done, total });
    };
    try {
      onProgress(0, update.length);
      const size = { target: Math.min(PIECE_BYTES, maxUploadBytes), most: maxUploadBytes };
      await post(cut(update, size), controller.signal, onProgress);
    } catch (error) {
      if (controller.signal.aborted) return;
      if (isDenied(error)) note({ type: 'demoted' });
      else note({ type: 'failed', failure: failureOf(error) });
      return;
    }
    if (this.uploading !== controller) return;
    this.uploading = null;
    if (this.held.length === 0) {
      note({ type: 'uploaded' });
      return;
    }
    const frame = updateFrame(Y.mergeUpdates(this.held));
    this.held = [];
    if (frame.length > maxFrameBytes) return this.upload(updateOf(frame));
    this.forward(frame);
    note({ type: 'uploaded' });
  }
}

/**
 * May this page only read? A socket that lost every right is told so by itself.
 *
 * @param {unknown} error
 */
const isDenied = (error) => error instanceof UploadRefused && error.status === 403;

/**
 * @param {unknown} error
 * @returns {import('./saving.js').Failure}
 */
function failureOf(error) {
  if (error instanceof UploadRefused) return { code: 4000 + error.status, detail: error.detail };
  if (error instanceof RangeError) return { code: 4413 };
  throw error;
}
