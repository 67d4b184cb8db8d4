/**
 * The elements of a dashboard's page.
 *
 * @typedef {object} Parts
 * @property {import('./feed-line.js').CollabFeed} collab-feed
 * @property {import('./range.js').CollabRange} collab-range
 * @property {import('./variables.js').CollabVariables} collab-variables
 */
export {};
