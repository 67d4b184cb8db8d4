/**
 * Bring updates to the server by POST, one after another, until each is durable.
 *
 * Nothing here gives an edit up: what may pass (no network, 429, 5xx) is tried again for as long as
 * the page lives, and only a refusal that would be repeated ends it.
 */

/** First pause after a failure; doubles each time. */
const PAUSE_MS = 500;
/** No pause is longer, whatever `Retry-After` says: a person is waiting. */
const LONGEST_PAUSE_MS = 30_000;
/** A POST that brought no answer in this time is tried again. */
const PATIENCE_MS = 60_000;

/** The server refused an update for good. */
export class UploadRefused extends Error {
  /**
   * @param {number} status HTTP status
   * @param {string} [detail] the server's own sentence
   */
  constructor(status, detail) {
    super(detail || `HTTP ${status}`);
    this.status = status;
    this.detail = detail;
  }
}

/**
 * @typedef {object} Means what an upload needs of the world; tests bring their own
 * @property {typeof fetch} fetch
 * @property {() => string} csrfToken
 * @property {(ms: number, signal: AbortSignal) => Promise<void>} pause rejects when aborted
 * @property {() => number} random from 0 up to, not including, 1
 */

/**
 * @param {string} url
 * @param {Uint8Array[]} updates V1, sent in this order
 * @param {Means} means
 * @param {AbortSignal} signal ends the upload between or during requests
 * @param {(done: number, total: number) => void} onProgress bytes that are durable, bytes in all
 * @throws {UploadRefused} the server will not take it
 * @throws {DOMException} `AbortError`
 */
export async function post(url, updates, means, signal, onProgress) {
  const total = updates.reduce((sum, update) => sum + update.length, 0);
  let done = 0;
  onProgress(done, total);
  for (const update of updates) {
    await postOne(url, update, means, signal);
    done += update.length;
    onProgress(done, total);
  }
}

/**
 * @param {string} url
 * @param {Uint8Array} update
 * @param {Means} means
 * @param {AbortSignal} signal
 */
async function postOne(url, update, means, signal) {
  for (let tries = 0; ; tries += 1) {
    const response = await attempt(url, update, means, signal);
    if (response?.ok) return;
    if (response !== null && !isPassing(response.status)) {
      throw new UploadRefused(response.status, await sentenceOf(response));
    }
    await means.pause(pauseMs(tries, response, means.random), signal);
  }
}

/**
 * @param {string} url
 * @param {Uint8Array} update
 * @param {Means} means
 * @param {AbortSignal} signal
 * @returns {Promise<Response | null>} null when no answer came
 */
async function attempt(url, update, means, signal) {
  try {
    return await means.fetch(url, {
      method: 'POST',
      credentials: 'same-origin',
      // A redirect to the login page is not a success.
      redirect: 'manual',
      headers: { 'Content-Type': 'application/octet-stream', 'X-CSRFToken': means.csrfToken() },
      body: /** @type {Uint8Array<ArrayBuffer>} */ (update),
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
    });
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/** @param {number} status 0 is an opaque redirect: someone else's answer, as from a proxy */
const isPassing = (status) => status === 0 || status === 408 || status === 429 || status >= 500;

/**
 * @param {number} tries failures so far, this one not counted
 * @param {Response | null} response
 * @param {() => number} random
 */
function pauseMs(tries, response, random) {
  // Half fixed, half random: pages that failed together do not come back together.
  const own = PAUSE_MS * 2 ** Math.min(tries, 10) * (0.5 + random() / 2);
  return Math.min(Math.max(own, retryAfterMs(response)), LONGEST_PAUSE_MS);
}

/** @param {Response | null} response */
function retryAfterMs(response) {
  const value = response?.headers.get('Retry-After');
  if (!value) return 0;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/**
 * @param {Response} response
 * @returns {Promise<string | undefined>} from `{"error": {"message": "..."}}`
 */
async function sentenceOf(response) {
  try {
    return (await response.json()).error?.message;
  } catch {
    return undefined; // a proxy's page
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
