/**
 * The live socket: says what is shown, and hands on what comes: fragments of HTML as text, and
 * frames of charts.
 *
 * A page that nobody sees asks for a pause. Whoever comes back, from a pause or a broken connection,
 * says what they still have, and the server sends what is missing.
 *
 * @typedef {'connecting' | 'live' | 'paused' | 'reconnecting' | 'offline' | 'ended'} State
 *
 * @typedef {object} Hands
 * @property {() => object} showing the frame that says what is shown, and what is held
 * @property {(html: string) => void} onText
 * @property {(frame: ArrayBuffer) => void} onFrame
 * @property {(code: number, reason: string) => void} onEnd the server closed it for good
 */

/** Waits before another try: doubled each time, and up to a third longer or shorter. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 20_000;
/** A server that is there says something at least every five seconds. */
const SILENCE_MS = 15_000;

/** @param {number} code of those that y-websocket takes as final, too */
const isFinal = (code) => code >= 4400 && code < 4500 && code !== 4429;

export class Feed extends EventTarget {
  /** @type {State} */
  state = 'connecting';
  /** @type {WebSocket | null} */
  socket = null;
  isPaused = false;
  tries = 0;
  heardAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer = undefined;

  /**
   * @param {string} path
   * @param {Hands} hands
   * @param {object} options
   * @param {() => boolean} options.isSeen does anybody see the page?
   * @param {AbortSignal} options.signal
   */
  constructor(path, hands, { isSeen, signal }) {
    super();
    this.path = path;
    this.hands = hands;
    this.isSeen = isSeen;
    const watch = setInterval(this.watch, 1000);
    document.addEventListener('visibilitychange', this.onSeen, { signal });
    window.addEventListener('online', this.onOnline, { signal });
    window.addEventListener('offline', this.onOffline, { signal });
    window.addEventListener('pageshow', this.onSeen, { signal });
    signal.addEventListener('abort', () => {
      clearInterval(watch);
      this.end();
    });
  }

  /** @param {State} state */
  set(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event('change'));
  }

  /** Does the page want to hear anything now? */
  get isWanted() {
    return !this.isPaused && this.isSeen();
  }

  connect() {
    if (this.socket || this.state === 'ended') return;
    clearTimeout(this.timer);
    const url = new URL(this.path, location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url.href);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.heardAt = Date.now();
      this.ask();
    };
    socket.onmessage = ({ data }) => this.hear(data);
    socket.onclose = ({ code, reason }) => this.lose(code, reason);
    this.socket = socket;
    this.heardAt = Date.now();
  }

  /** @param {string | ArrayBuffer} data */
  hear(data) {
    this.heardAt = Date.now();
    this.tries = 0;
    if (!this.isPaused) this.set('live');
    if (typeof data === 'string') this.hands.onText(data);
    else this.hands.onFrame(data);
  }

  /** Say what is shown, now that it is something else, or that something is missing. */
  ask() {
    if (!this.isWanted) return this.send({ type: 'pause' });
    this.send(this.hands.showing());
  }

  /** @param {object} words */
  send(words) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(words));
  }

  pause() {
    this.isPaused = true;
    this.send({ type: 'pause' });
    this.set('paused');
  }

  resume() {
    this.isPaused = false;
    this.set(this.socket?.readyState === WebSocket.OPEN ? 'connecting' : 'reconnecting');
    if (this.socket) this.ask();
    else this.connect();
  }

  end() {
    clearTimeout(this.timer);
    this.drop();
    this.set('ended');
  }

  drop() {
    const { socket } = this;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  lose(code, reason) {
    this.drop();
    if (isFinal(code)) {
      this.end();
      return this.hands.onEnd(code, reason);
    }
    if (!this.isPaused) this.set(navigator.onLine === false ? 'offline' : 'reconnecting');
    if (this.isWanted) this.retry();
  }

  retry() {
    const wait = Math.min(FIRST_WAIT_MS * 2 ** this.tries, LONGEST_WAIT_MS);
    this.tries += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), wait * (0.67 + 0.66 * Math.random()));
  }

  onSeen = () => {
    if (this.state === 'ended' || this.isPaused) return;
    this.tries = 0;
    if (!this.isSeen()) this.send({ type: 'pause' });
    else if (this.socket) this.ask();
    else this.connect();
    this.heardAt = Date.now();
  };

  onOnline = () => {
    this.tries = 0;
    if (this.isWanted && this.state !== 'ended') this.connect();
  };

  onOffline = () => {
    if (this.state === 'ended') return;
    // What is on its way through a network that is gone will not come.
    this.drop();
    if (!this.isPaused) this.set('offline');
  };

  /** A network that went away without a word leaves a connection that is open in name only. */
  watch = () => {
    if (!this.socket || !this.isWanted || Date.now() - this.heardAt < SILENCE_MS) return;
    this.lose(1006, '');
  };
}
