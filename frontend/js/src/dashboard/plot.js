/** A chart's make-up for uPlot: what is drawn of which columns, in which colours and scales. */
import uPlot from 'uplot';
import { colourOf, faded, levelColour, pageColours } from './colours.js';
import { shownOf, stacked } from './columns.js';
import { shown } from './units.js';
import { marked } from './zones.js';

/**
 * @typedef {object} Drawing all that a chart shows at a time
 * @property {import('./points.js').Held} held
 * @property {import('./options.js').Options} options
 * @property {Set<string>} hidden
 * @property {[number, number]} span from when to when, Unix ms
 * @property {string} zone
 * @property {boolean} isSpark a line without axes beside a number
 */

/** Charts whose cursors move together. */
const TOGETHER = 'dashboard';
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const WHOLES = /** @type {Record<string, number>} */ ({ percent: 100, ratio: 1 });
/** Steps of a byte axis: powers of two, so that marks are whole KiB and MiB. */
const POWERS = Array.from({ length: 60 }, (_, power) => 2 ** power);

/** @param {Drawing} drawing */
export const unitOf = ({ held, options }) => options.unit || held.head.unit;

/**
 * What has to be made anew when it changes; all else is only data.
 *
 * @param {Drawing} drawing
 */
export function shapeOf({ held, options, hidden, zone, isSpark }) {
  const lines = held.head.lines.map(({ name, band }) => [name, band]);
  return JSON.stringify([lines, options, [...hidden], zone, isSpark, held.head.unit]);
}

/**
 * @param {Drawing} drawing
 * @returns {uPlot.AlignedData}
 */
export function dataOf({ held, options, hidden }) {
  const lines = shownOf(held, hidden, options.nulls === 'zero');
  const columns = options.stacked
    ? stacked(lines)
    : lines.flatMap(({ value, low, high }) =>
        low && high && options.style !== 'bars' ? [value, low, high] : [value],
      );
  return /** @type {uPlot.AlignedData} */ ([held.at, ...columns]);
}

/**
 * @param {() => Drawing} drawing what is shown now: it changes while the plot stays
 * @param {{ width: number, height: number }} size
 * @param {uPlot.Hooks.Arrays} hooks
 * @returns {uPlot.Options}
 */
export function plotOf(drawing, size, hooks) {
  const { isSpark } = drawing();
  const colours = pageColours();
  const { series, bands } = drawnLines(drawing);
  return {
    ...size,
    ms: 1,
    // Half of the last mark of the time axis stands beyond the end.
    padding: isSpark ? [4, 0, 0, 0] : [8, 27, 0, 0],
    legend: { show: false },
    series: [{}, ...series],
    bands,
    scales: {
      x: { time: true, range: () => drawing().span },
      y: { range: (_plot, low, high) => heightOf(drawing(), low, high) },
    },
    axes: isSpark ? [{ show: false }, { show: false }] : axesOf(drawing, colours),
    cursor: isSpark ? { show: false } : cursorOf(colours),
    hooks: {
      ...hooks,
      drawAxes: isSpark ? [] : [(plot) => drawThresholds(plot, drawing(), colours)],
    },
  };
}

/**
 * @param {() => Drawing} drawing
 * @returns {{ series: uPlot.Series[], bands: uPlot.Band[] }}
 */
function drawnLines(drawing) {
  const { held, options, hidden } = drawing();
  const isBars = options.style === 'bars';
  const lines = shownOf(held, hidden, false);
  /** @type {uPlot.Series[]} */
  const series = [];
  /** @type {uPlot.Band[]} */
  const bands = [];
  lines.forEach((line, index) => {
    const colour = colourOf(line.index);
    const own = series.length + 1;
    const isBanded = line.low !== null && !options.stacked && !isBars;
    series.push({
      label: line.name,
      spanGaps: options.nulls === 'connect',
      points: isBars ? { show: false } : { show: false, size: 4, fill: colour, filter: aloneIn },
      ...(isBars
        ? bars(drawing, index, lines.length, colour)
        : { stroke: colour, width: 1.5, ...filled(options, isBanded, colour) }),
    });
    if (isBanded) {
      const edge = { show: true, width: 0, points: { show: false }, spanGaps: false };
      series.push({ ...edge }, { ...edge });
      bands.push({ series: [own + 2, own + 1], fill: faded(colour, 0.2) });
    } else if (options.stacked && index < lines.length - 1) {
      bands.push({ series: [own, own + 1], fill: faded(colour, isBars ? 1 : 0.45) });
    }
  });
  return { series, bands };
}

/**
 * @param {import('./options.js').Options} options
 * @param {boolean} isBanded
 * @param {string} colour
 * @returns {uPlot.Series}
 */
function filled({ style, stacked: isStacked }, isBanded, colour) {
  if (isStacked) return { fill: faded(colour, 0.45) };
  if (style !== 'area') return {};
  return { fill: faded(colour, isBanded ? 0.12 : 0.18) };
}

/**
 * Points that would not be seen as a line: those without neighbours.
 *
 * @param {uPlot} plot
 * @param {number} index
 * @returns {number[]}
 */
function aloneIn(plot, index) {
  const column = plot.data[index];
  const alone = [];
  let before = null;
  for (let at = 0; at < column.length; at += 1) {
    const value = column[at];
    if (value === undefined) continue;
    if (value !== null && before === null) {
      let after = at + 1;
      while (after < column.length && column[after] === undefined) after += 1;
      if (column[after] == null) alone.push(at);
    }
    before = value;
  }
  return alone;
}

/**
 * Bars begin with their window; those of several lines stand side by side, or on each other.
 *
 * @param {() => Drawing} drawing
 * @param {number} index
 * @param {number} count
 * @param {string} colour
 * @returns {uPlot.Series}
 */
function bars(drawing, index, count, colour) {
  const { stacked: isStacked } = drawing().options;
  const share = isStacked ? 0.8 : 0.8 / count;
  const shift = 0.1 + (isStacked ? 0 : share * index);
  const step = () => drawing().held.head.step;
  return {
    width: 0,
    fill: colour,
    stroke: colour,
    paths: uPlot.paths.bars?.({
      disp: {
        x0: { unit: 1, values: (plot) => Array.from(plot.data[0], (at) => at + shift * step()) },
        size: { unit: 1, values: () => [share * step()] },
      },
    }),
  };
}

/**
 * @param {Drawing} drawing
 * @param {number | null} low of what is drawn
 * @param {number | null} high
 * @returns {uPlot.Range.MinMax}
 */
function heightOf(drawing, low, high) {
  const { min, max, style, stacked: isStacked } = drawing.options;
  if (low === null || high === null) return [min ?? 0, max ?? (min ?? 0) + 1];
  const isFromZero = isStacked || style !== 'line';
  const [from, to] = low === high && low === 0 ? [0, 1] : [low, high];
  const soft = /** @type {const} */ ({ pad: 0.1, soft: 0, mode: isFromZero ? 1 : 3 });
  const [start, end] = uPlot.rangeNum(from, to, { min: soft, max: soft });
  // There is no room above the whole.
  const whole = WHOLES[unitOf(drawing)] ?? Number.POSITIVE_INFINITY;
  return [min ?? start, max ?? (to <= whole ? Math.min(end ?? to, whole) : end)];
}

/**
 * @param {() => Drawing} drawing
 * @param {Record<string, string>} colours
 * @returns {uPlot.Axis[]}
 */
function axesOf(drawing, { muted, line }) {
  const look = {
    stroke: muted,
    font: FONT,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    border: { show: false },
  };
  return [
    {
      ...look,
      grid: { show: false },
      size: 26,
      gap: 6,
      space: 70,
      values: (_plot, splits, _axis, _space, apart) => marked(splits, apart, drawing().zone),
    },
    {
      ...look,
      gap: 6,
      space: 34,
      size: widthOf,
      ...(unitOf(drawing()).startsWith('bytes') ? { incrs: POWERS } : {}),
      values: (_plot, splits) => valuesAt(splits, drawing()),
    },
  ];
}

/**
 * @param {number[]} splits
 * @param {Drawing} drawing
 */
function valuesAt(splits, drawing) {
  return splits.map((value) => shown(value, unitOf(drawing), null));
}

/**
 * As wide as the widest mark.
 *
 * @param {uPlot} plot
 * @param {string[] | null} values
 */
function widthOf({ ctx }, values) {
  if (!values || values.length === 0) return 40;
  ctx.save();
  ctx.font = FONT;
  const width = Math.max(...values.map((value) => ctx.measureText(value ?? '').width));
  ctx.restore();
  return Math.ceil(width) + 14;
}

/**
 * @param {Record<string, string>} colours
 * @returns {uPlot.Cursor}
 */
const cursorOf = ({ raised }) => ({
  y: false,
  drag: { x: true, y: false, setScale: false, dist: 5 },
  points: {
    size: 7,
    width: 2,
    stroke: raised,
    fill: (plot, index) => strokeOf(plot, index),
    show: (plot, index) => pointOf(plot, index),
  },
  sync: {
    key: TOGETHER,
    setSeries: false,
    scales: ['x', null],
    // A drag selects in one chart only.
    filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' },
  },
});

/**
 * The edges of a band have no colour, and get no point.
 *
 * @param {uPlot} plot
 * @param {number} index
 * @returns {string}
 */
function strokeOf(plot, index) {
  const { stroke } = plot.series[index];
  const colour = typeof stroke === 'function' ? stroke(plot, index) : stroke;
  return typeof colour === 'string' ? colour : 'transparent';
}

/**
 * @param {uPlot} plot
 * @param {number} index
 */
function pointOf(plot, index) {
  const point = document.createElement('div');
  if (plot.series[index].width === 0) point.hidden = true;
  return point;
}

/**
 * @param {uPlot} plot
 * @param {Drawing} drawing
 * @param {Record<string, string>} colours
 */
function drawThresholds({ ctx, bbox, scales, valToPos }, { options }, colours) {
  const { min = 0, max = 0 } = scales.y;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const [from, level] of options.thresholds) {
    if (from < min || from > max) continue;
    const y = Math.round(valToPos(from, 'y', true));
    ctx.strokeStyle = levelColour(colours, level);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}
