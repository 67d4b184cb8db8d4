/**
 * What the server tells this page about its document (`{{ config|json_script:"collab-config" }}`).
 *
 * @typedef {object} Config
 * @property {string} documentId
 * @property {string} socketUrl path of the room's socket
 * @property {string} updatesUrl path that takes updates too large for the socket
 * @property {boolean} canWrite
 * @property {string} role
 * @property {number} epoch changes when the document was reset; a copy of another epoch is void
 * @property {{ id: string, name: string, color: string, colorLight: string }} user
 * @property {number} maxFrameBytes larger frames go to `updatesUrl`
 * @property {string} filesUrl path that takes images
 * @property {number} maxImageBytes the most that one image may have
 * @property {number} maxUploadBytes the most that one request to `updatesUrl` may carry
 */

/**
 * Read the page's configuration.
 *
 * @returns {Config}
 * @throws {Error} when the page carries none: a template without the `collab-config` script.
 */
export function readConfig() {
  const script = document.getElementById('collab-config');
  if (!script?.textContent) throw new Error('The page has no #collab-config.');
  return JSON.parse(script.textContent);
}
