import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

/** The browser's socket, with the other end in the test's hand. */
class FakeSocket {
  static OPEN = 1;
  /** @type {FakeSocket[]} */
  static all = [];
  readyState = 0;
  /** @type {object[]} */
  sent = [];
  /** @type {(() => void) | null} */
  onopen = null;
  /** @type {((event: { data: unknown }) => void) | null} */
  onmessage = null;
  /** @type {((event: { code: number, reason: string }) => void) | null} */
  onclose = null;

  /** @param {string} url */
  constructor(url) {
    this.url = url;
    FakeSocket.all.push(this);
  }

  static get last() {
    return /** @type {FakeSocket} */ (FakeSocket.all.at(-1));
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  open() {
    this.readyState = 1;
    this.onopen?.();
  }

  /** @param {unknown} data */
  receive(data) {
    this.onmessage?.({ data });
  }

  /** @param {number} code */
  drop(code) {
    this.readyState = 3;
    this.onclose?.({ code, reason: 'why' });
  }
}

const page = new EventTarget();
Object.assign(globalThis, {
  WebSocket: FakeSocket,
  location: { href: 'https://collab.example/dashboards/d/' },
  document: page,
  window: new EventTarget(),
  navigator: { onLine: true },
});
const { Feed } = await import('../src/dashboard/feed.js');

/** @param {{ isSeen?: () => boolean }} [options] */
function feed({ isSeen = () => true } = {}) {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
  const controller = new AbortController();
  /** @type {unknown[]} */
  const heard = [];
  const made = new Feed(
    '/ws/dashboards/d/live',
    {
      showing: () => ({ type: 'show', held: heard.length }),
      onText: (text) => heard.push(text),
      onFrame: (frame) => heard.push(frame),
      onEnd: (code, reason) => heard.push([code, reason]),
    },
    { isSeen, signal: controller.signal },
  );
  made.connect();
  const end = () => {
    controller.abort();
    mock.timers.reset();
  };
  return { made, heard, end };
}

test('a page says what it shows, and is live once it hears of it', () => {
  const { made, heard, end } = feed();
  assert.equal(FakeSocket.last.url, 'wss://collab.example/ws/dashboards/d/live');
  FakeSocket.last.open();
  assert.deepEqual([FakeSocket.last.sent, made.state], [[{ type: 'show', held: 0 }], 'connecting']);
  FakeSocket.last.receive('<hx-partial>');
  assert.deepEqual([heard, made.state], [['<hx-partial>'], 'live']);
  end();
});

test('a broken connection is made again, and what is held is said', () => {
  const { made, end } = feed();
  FakeSocket.last.open();
  FakeSocket.last.receive('one');
  const before = FakeSocket.all.length;
  FakeSocket.last.drop(1006);
  assert.equal(made.state, 'reconnecting');
  mock.timers.tick(1000);
  assert.equal(FakeSocket.all.length, before + 1);
  FakeSocket.last.open();
  assert.deepEqual(FakeSocket.last.sent, [{ type: 'show', held: 1 }]);
  end();
});

test('a server that says nothing for long is not there', () => {
  const { made, end } = feed();
  FakeSocket.last.open();
  FakeSocket.last.receive('one');
  mock.timers.tick(14_000);
  assert.equal(made.state, 'live');
  mock.timers.tick(2000);
  assert.equal(made.state, 'reconnecting');
  end();
});

test('a page that nobody sees pauses, and asks when it is seen', () => {
  let isSeen = true;
  const { heard, end } = feed({ isSeen: () => isSeen });
  const socket = FakeSocket.last;
  socket.open();
  socket.receive('one');
  isSeen = false;
  page.dispatchEvent(new Event('visibilitychange'));
  assert.deepEqual(socket.sent.at(-1), { type: 'pause' });
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.last, socket);
  isSeen = true;
  page.dispatchEvent(new Event('visibilitychange'));
  assert.deepEqual(socket.sent.at(-1), { type: 'show', held: heard.length });
  end();
});

test('what the person pauses stays so, whatever else comes and goes', () => {
  const { made, end } = feed();
  FakeSocket.last.open();
  FakeSocket.last.receive('one');
  made.pause();
  assert.deepEqual([FakeSocket.last.sent.at(-1), made.state], [{ type: 'pause' }, 'paused']);
  FakeSocket.last.receive('late');
  page.dispatchEvent(new Event('visibilitychange'));
  FakeSocket.last.drop(1012);
  mock.timers.tick(60_000);
  assert.equal(made.state, 'paused');
  const before = FakeSocket.all.length;
  made.resume();
  assert.equal(FakeSocket.all.length, before + 1);
  FakeSocket.last.open();
  assert.equal(FakeSocket.last.sent.length, 1);
  end();
});

test('a server that closes for good is not asked again', () => {
  const { made, heard, end } = feed();
  FakeSocket.last.open();
  const before = FakeSocket.all.length;
  FakeSocket.last.drop(4404);
  mock.timers.tick(120_000);
  assert.deepEqual([made.state, heard, FakeSocket.all.length], ['ended', [[4404, 'why']], before]);
  end();
});
