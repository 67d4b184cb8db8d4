/** The origin of the transactions that the title's field makes. */
export const TITLE_ORIGIN = Symbol('title');
