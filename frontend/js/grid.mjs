/**
 * Write the classes that say where a panel is: the pages' CSP forbids style attributes.
 *
 * The bounds are those of `dashboards/layout/model.py`.
 */
import { writeFile } from 'node:fs/promises';

const COLUMNS = 12;
const HEIGHT_AT_MOST = 24;
const PANELS_AT_MOST = 60;

/**
 * @param {string} name
 * @param {number} from
 * @param {number} to
 */
const classes = (name, from, to) =>
  Array.from(
    { length: to - from },
    (_, index) => `.${name}${from + index}{--${name}:${from + index}}`,
  );

const rules = [
  ...classes('x', 0, COLUMNS),
  ...classes('w', 1, COLUMNS + 1),
  ...classes('h', 1, HEIGHT_AT_MOST + 1),
  ...classes('y', 0, PANELS_AT_MOST * HEIGHT_AT_MOST),
];
const words = '/* Where panels are: written by frontend/js/grid.mjs. */\n';
const out = new URL('../static/frontend/css/dashboard-grid.css', import.meta.url);
await writeFile(out, `${words}${rules.join('\n')}\n`);
