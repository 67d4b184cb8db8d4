/** The names and the removal of the local copies that this site keeps in the browser. */
import { within } from './within.js';

const PREFIX = 'collab:';

/** @typedef {{ user: { id: string }, documentId: string, epoch: number }} Key */

/**
 * The local copy of one document for one user. Its epoch is part of the name: a copy of a document
 * that was reset meanwhile must never be merged into what came after.
 *
 * @param {Key} key
 */
export const nameOfCopy = (key) => `${stemOf(key)}${key.epoch}`;

/**
 * @param {Key} key
 * @returns {(name: string) => boolean} whether a copy is of the same document and user, but of
 *   another epoch
 */
export const isOutdated = (key) => (name) =>
  name.startsWith(stemOf(key)) && name !== nameOfCopy(key);

/** @param {Key} key */
const stemOf = ({ user, documentId }) => `${PREFIX}${user.id}:${documentId}:`;

/**
 * Remove the copies that `isMeant` picks, all of them by default. A copy that another tab has open
 * goes as soon as that tab lets go of it.
 *
 * @param {(name: string) => boolean} [isMeant]
 * @param {number} [patienceMs] resolve after this time at the latest
 */
export async function wipeCopies(isMeant = () => true, patienceMs = 2000) {
  const names = (await namesOfCopies()).filter((name) => name.startsWith(PREFIX) && isMeant(name));
  await within(Promise.all(names.map(remove)), patienceMs);
}

/** @returns {Promise<string[]>} */
async function namesOfCopies() {
  try {
    return (await indexedDB.databases()).map(({ name }) => name ?? '');
  } catch {
    return []; // storage is switched off: there is nothing to wipe
  }
}

/**
 * @param {string} name
 * @returns {Promise<void>}
 */
function remove(name) {
  return new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => resolve();
  });
}
