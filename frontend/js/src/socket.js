/** The provider's socket: frames with content go through the uplink, echoes go nowhere. */
import { isContent, isEcho } from './frames.js';

/**
 * A class to give to `WebsocketProvider` as `WebSocketPolyfill`: its documented way to be handed
 * another socket, so the provider itself stays as it is.
 *
 * @param {import('./uplink.js').Uplink} uplink
 * @param {() => number} client the page's own client id
 * @param {typeof WebSocket} [Base]
 * @returns {typeof WebSocket}
 */
export function carrying(uplink, client, Base = WebSocket) {
  return class extends Base {
    carrier = {
      isOpen: () => this.readyState === Base.OPEN,
      forward: (/** @type {Uint8Array} */ frame) =>
        super.send(/** @type {Uint8Array<ArrayBuffer>} */ (frame)),
    };

    /**
     * @override
     * @param {string | ArrayBufferLike | Blob | ArrayBufferView} data
     */
    send(data) {
      if (data instanceof Uint8Array && isContent(data)) uplink.take(data, this.carrier);
      else if (data instanceof Uint8Array && isEcho(data, client())) return;
      else super.send(/** @type {string} */ (data));
    }
  };
}
