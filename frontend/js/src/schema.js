/**
 * The version of what the editor can hold. It rises with each node or mark that older pages do not
 * know, since they would delete it: the server lets those read no document that a newer page edits.
 */
export const SCHEMA_VERSION = 2;
