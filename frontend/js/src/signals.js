/** The one event that the two bundles share. */

/** On `window`, before a logout wipes the local copies; cancelable. */
export const LOGOUT = 'collab:logout';
