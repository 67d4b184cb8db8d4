/**
 * Fields of an editor, each bound to one value of a shared map: written when the person changes it,
 * filled in when somebody else does, without taking the focus or the caret away.
 *
 * @typedef {HTMLInputElement | HTMLSelectElement} Field
 *
 * @typedef {object} Way from what a field holds to the value, and back
 * @property {(field: Field) => unknown} read
 * @property {(field: Field, value: any) => void} fill
 */
import { listed, words } from './layout.js';

/** @type {Record<string, Way>} */
const WAYS = {
  text: {
    read: ({ value }) => value,
    fill: (field, value) => put(field, words(value)),
  },
  number: {
    read: ({ value }) =>
      value.trim() === '' || Number.isNaN(Number(value)) ? null : Number(value),
    fill: (field, value) => put(field, typeof value === 'number' ? String(value) : ''),
  },
  check: {
    read: (field) => field instanceof HTMLInputElement && field.checked,
    fill: (field, value) => {
      if (field instanceof HTMLInputElement) field.checked = value === true;
    },
  },
  list: {
    read: ({ value }) => listed(value.split(',').map((each) => each.trim())),
    fill: (field, value) => put(field, listed(value).join(', ')),
  },
};

/**
 * @param {Field} field
 * @param {string} value
 */
export function put(field, value) {
  if (field.value === value) return;
  const isHere = document.activeElement === field && field instanceof HTMLInputElement;
  const caret = isHere && field.type === 'text' ? field.selectionStart : null;
  field.value = value;
  if (field instanceof HTMLSelectElement && field.value !== value) {
    // What this page does not know it still shows, and keeps.
    field.add(new Option(value, value));
    field.value = value;
  }
  if (caret !== null && field instanceof HTMLInputElement) field.setSelectionRange(caret, caret);
}

/** @param {Field} field */
const wayOf = (field) => WAYS[field.dataset.way ?? 'text'] ?? WAYS.text;

/** @param {Field} field */
export const valueIn = (field) => wayOf(field).read(field);

/**
 * Fill a field in, unless what it holds means the same already.
 *
 * @param {Field} field
 * @param {unknown} value
 */
export function fill(field, value) {
  const way = wayOf(field);
  if (field.dataset.dirty === 'true' && document.activeElement === field) return;
  delete field.dataset.dirty;
  const isSame = JSON.stringify(way.read(field)) === JSON.stringify(value ?? null);
  if (!isSame || document.activeElement !== field) way.fill(field, value);
}

/**
 * Call back when the person has changed a field: while they type, or when they are done where half
 * a word would mean something else.
 *
 * @param {HTMLElement} box
 * @param {(field: Field) => void} onChange
 */
export function watchFields(box, onChange) {
  const fieldIn = (/** @type {Event} */ { target }) =>
    target instanceof HTMLInputElement || target instanceof HTMLSelectElement ? target : null;
  box.addEventListener('input', (event) => {
    const field = fieldIn(event);
    if (!field?.dataset.key) return;
    if (field.dataset.late === undefined) onChange(field);
    else field.dataset.dirty = 'true';
  });
  box.addEventListener('change', (event) => {
    const field = fieldIn(event);
    if (!field?.dataset.key) return;
    delete field.dataset.dirty;
    onChange(field);
  });
}

/**
 * @param {HTMLElement} box
 * @returns {Field[]} those with a key
 */
export const fieldsIn = (box) =>
  /** @type {Field[]} */ ([...box.querySelectorAll('input[data-key], select[data-key]')]);

/**
 * As many copies of a template as there are values, those that are there kept.
 *
 * @param {HTMLElement} box
 * @param {string} template its id
 * @param {string[]} keys
 * @param {(row: HTMLElement, key: string) => void} onMade
 * @returns {HTMLElement[]}
 */
export function rowsFor(box, template, keys, onMade) {
  const known = new Map(
    /** @type {HTMLElement[]} */ ([...box.children]).map((row) => [row.dataset.row ?? '', row]),
  );
  const rows = keys.map((key) => {
    const old = known.get(key);
    known.delete(key);
    if (old) return old;
    const source = /** @type {HTMLTemplateElement} */ (document.getElementById(template));
    const made = /** @type {HTMLElement} */ (
      // Imported, its elements are made at once, and not when they come into the page.
      document.importNode(source.content, true).firstElementChild
    );
    made.dataset.row = key;
    onMade(made, key);
    return made;
  });
  for (const row of known.values()) row.remove();
  rows.forEach((row, at) => {
    if (box.children[at] !== row) box.insertBefore(row, box.children[at] ?? null);
  });
  return rows;
}
