/** Bring one file to the server, and say how far it is: `fetch` cannot tell that. */
import { csrfToken } from './csrf.js';

/**
 * @typedef {object} Stored
 * @property {string} src as an image node holds it
 * @property {number} width in pixels
 * @property {number} height
 */

/** The file was not stored; the text says why, for a person. */
export class NotStored extends Error {}

/**
 * @param {string} url takes a multipart form with the field `file`
 * @param {Blob} file
 * @param {(part: number) => void} onProgress from 0 to 1
 * @param {AbortSignal} signal
 * @returns {Promise<Stored>}
 * @throws {NotStored}
 * @throws {DOMException} `AbortError`
 */
export function transfer(url, file, onProgress, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append('file', file, file instanceof File ? file.name : 'image');
    request.open('POST', url);
    request.responseType = 'json';
    request.setRequestHeader('X-CSRFToken', csrfToken());
    request.upload.addEventListener('progress', ({ loaded, total, lengthComputable }) => {
      if (lengthComputable) onProgress(loaded / total);
    });
    request.addEventListener('load', () => {
      if (request.status === 201 && request.response) resolve(request.response);
      else reject(new NotStored(reasonOf(request)));
    });
    request.addEventListener('error', () => {
      reject(new NotStored(gettext('The server cannot be reached.')));
    });
    request.addEventListener('abort', () => reject(signal.reason));
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(form);
  });
}

/** @param {XMLHttpRequest} request answered, and not with 201 */
function reasonOf({ status, response }) {
  const said = response?.error?.message;
  if (typeof said === 'string') return said;
  if (status === 413) return gettext('The image is too large.');
  if (status === 401 || status === 403 || status === 404) {
    return gettext('You may not add images here any more.');
  }
  return gettext('The server could not take the image.');
}
