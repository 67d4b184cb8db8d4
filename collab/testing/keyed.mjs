/** Make a class of sockets with an API key, as WebSocketPolyfill of a y-websocket provider. */
export const keyed = (key) =>
  class extends WebSocket {
    constructor(url) {
      super(url, { headers: { authorization: `Bearer ${key}` } });
      // Node 20 leaves out the `close` that browsers fire after a connection could not be made.
      let isClosed = false;
      this.addEventListener('close', () => {
        isClosed = true;
      });
      this.addEventListener('error', () => {
        setTimeout(() => isClosed || this.onclose?.({ code: 1006, reason: '' }));
      });
    }
  };
