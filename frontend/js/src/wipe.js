/** The names and the removal of the local copies that this site keeps in the browser. */

const PREFIX = 'collab:';

/**
 * The local copy of one document for one user. Its epoch is part of the name: a copy of a document
 * that was reset meanwhile must never be merged into what came after.
 *
 * @param {{ user: { id: string }, documentId: string, epoch: number }} config
 */
export const nameOfCopy = ({ user, documentId, epoch }) =>
  `${PREFIX}${user.id}:${documentId}:${epoch}`;

/**
 * Remove the copies that `isMeant` picks, all of them by default. A copy that another tab has open
 * goes as soon as that tab lets go of it.
 *
 * @param {(name: string) => boolean} [isMeant]
 * @param {number} [patienceMs] resolve after this time at the latest
 */
export async function wipeCopies(isMeant = () => true, patienceMs = 2000) {
  const names = (await namesOfCopies()).filter((name) => name.startsWith(PREFIX) && isMeant(name));
  const late = new Promise((resolve) => setTimeout(resolve, patienceMs));
  await Promise.race([Promise.all(names.map(remove)), late]);
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
