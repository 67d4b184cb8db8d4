import assert from 'node:assert/strict';
import { test } from 'node:test';
import { post, UploadRefused } from '../src/upload.js';

/**
 * A server that gives the prepared answers, one after another.
 *
 * @param {(Response | Error)[]} answers
 */
function serving(answers) {
  /** @type {number[]} */
  const pauses = [];
  /** @type {{ url: string, init: RequestInit }[]} */
  const requests = [];
  const means = {
    fetch: /** @type {typeof fetch} */ (
      async (url, init = {}) => {
        requests.push({ url: String(url), init });
        const answer = answers.shift();
        if (answer instanceof Error) throw answer;
        assert.ok(answer, 'one request too many');
        return answer;
      }
    ),
    csrfToken: () => 'token',
    pause: async (/** @type {number} */ ms) => {
      pauses.push(ms);
    },
    random: () => 1,
  };
  return { means, pauses, requests };
}

const ok = () => Response.json({ seq: 1 });
const forever = () => new AbortController().signal;
const nothing = () => {};

test('updates are posted in order, with the token, and progress counts durable bytes', async () => {
  const { means, requests } = serving([ok(), ok()]);
  /** @type {number[][]} */
  const progress = [];
  const updates = [new Uint8Array(3), new Uint8Array(5)];
  await post('/here', updates, means, forever(), (done, total) => progress.push([done, total]));
  assert.deepEqual(
    requests.map(({ init }) => init.body),
    updates,
  );
  assert.deepEqual(progress, [
    [0, 8],
    [3, 8],
    [8, 8],
  ]);
  const headers = new Headers(requests[0].init.headers);
  assert.equal(headers.get('X-CSRFToken'), 'token');
  assert.equal(headers.get('Content-Type'), 'application/octet-stream');
});

test('no network, 429 and 503 are tried again with growing pauses', async () => {
  const answers = [
    new TypeError('no network'),
    new Response('', { status: 503 }),
    new Response('', { status: 429 }),
    ok(),
  ];
  const { means, pauses, requests } = serving(answers);
  await post('/here', [new Uint8Array(1)], means, forever(), nothing);
  assert.equal(requests.length, 4);
  assert.deepEqual(pauses, [500, 1000, 2000]);
});

test('Retry-After is honoured, in seconds, and has a bound', async () => {
  /** @param {string} value */
  const busy = (value) => new Response('', { status: 503, headers: { 'Retry-After': value } });
  const { means, pauses } = serving([busy('7'), busy('86400'), ok()]);
  await post('/here', [new Uint8Array(1)], means, forever(), nothing);
  assert.deepEqual(pauses, [7000, 30_000]);
});

test('a refusal ends the upload with the sentence of the server', async () => {
  const refusal = Response.json({ error: { code: 'x', message: 'Too much.' } }, { status: 413 });
  const { means, requests } = serving([refusal]);
  await assert.rejects(
    post('/here', [new Uint8Array(1), new Uint8Array(1)], means, forever(), nothing),
    (error) =>
      error instanceof UploadRefused && error.status === 413 && error.detail === 'Too much.',
  );
  assert.equal(requests.length, 1);
});

test('a refusal without JSON, as from a proxy, is a refusal all the same', async () => {
  const { means } = serving([new Response('<html>', { status: 403 })]);
  await assert.rejects(
    post('/here', [new Uint8Array(1)], means, forever(), nothing),
    (error) => error instanceof UploadRefused && error.detail === undefined,
  );
});

test('an aborted upload asks no more', async () => {
  const controller = new AbortController();
  const { means, requests } = serving([new TypeError('no network')]);
  means.pause = async () => {
    controller.abort();
    controller.signal.throwIfAborted();
  };
  await assert.rejects(post('/here', [new Uint8Array(1)], means, controller.signal, nothing), {
    name: 'AbortError',
  });
  assert.equal(requests.length, 1);
});
