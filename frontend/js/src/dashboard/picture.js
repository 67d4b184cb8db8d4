/**
 * A picture of what a panel shows, painted from the page: boxes, words, drawings and charts.
 *
 * The page's CSP lets no image be made of HTML, and this needs none.
 */

const MARGIN = 12;

/**
 * @param {HTMLElement} panel
 * @returns {Promise<Blob>}
 */
export async function pictureOf(panel) {
  const scale = Math.max(devicePixelRatio, 2);
  const frame = panel.getBoundingClientRect();
  const canvas = document.createElement('canvas');
  canvas.width = Math.round((frame.width + 2 * MARGIN) * scale);
  canvas.height = Math.round((frame.height + 2 * MARGIN) * scale);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.scale(scale, scale);
  context.fillStyle = getComputedStyle(document.body).backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.translate(MARGIN - frame.left, MARGIN - frame.top);
  paint(context, panel);
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(/** @type {Blob} */ (blob))));
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[/\\?%*:|"<>]/g, '-');
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Element} element
 */
function paint(context, element) {
  const style = getComputedStyle(element);
  if (style.visibility === 'hidden' || style.opacity === '0' || element.matches(SKIPPED)) return;
  const box = element.getBoundingClientRect();
  if (box.width === 0 || box.height === 0) return;
  if (element instanceof SVGElement) {
    if (element instanceof SVGGeometryElement) drawShape(context, element, style);
    else if (element instanceof SVGTextElement) drawSvgText(context, element, style);
  } else {
    drawBox(context, box, style);
  }
  if (element instanceof HTMLCanvasElement) {
    context.drawImage(element, box.left, box.top, box.width, box.height);
    return;
  }
  const isCut = style.overflow !== 'visible' && element instanceof HTMLElement;
  context.save();
  if (isCut) {
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
  }
  for (const child of element.childNodes) {
    if (child instanceof Element) paint(context, child);
    else if (child instanceof Text && !(element instanceof SVGElement))
      drawText(context, child, style);
  }
  context.restore();
}

/** What is there to be used, not to be shown. */
const SKIPPED =
  '.panel__menu, .panel__grip, .panel__corner, .panel__editors, .hidden, .tip, [hidden]';

/**
 * @param {CanvasRenderingContext2D} context
 * @param {DOMRect} box
 * @param {CSSStyleDeclaration} style
 */
function drawBox(context, { left, top, width, height }, style) {
  context.beginPath();
  context.roundRect(
    left,
    top,
    width,
    height,
    Math.min(Number.parseFloat(style.borderRadius) || 0, height / 2),
  );
  if (!isClear(style.backgroundColor)) {
    context.fillStyle = style.backgroundColor;
    context.fill();
  }
  const line = Number.parseFloat(style.borderTopWidth);
  if (line > 0 && style.borderLeftWidth === style.borderTopWidth) {
    context.strokeStyle = style.borderTopColor;
    context.lineWidth = line;
    context.stroke();
  } else if (Number.parseFloat(style.borderBottomWidth) > 0) {
    context.fillStyle = style.borderBottomColor;
    context.fillRect(left, top + height - 1, width, 1);
  }
}

/** @param {string} colour */
const isClear = (colour) => colour === 'transparent' || /,\s*0\)$|\/\s*0\)$/.test(colour);

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Text} text
 * @param {CSSStyleDeclaration} style
 */
function drawText(context, text, style) {
  if (!text.data.trim()) return;
  context.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  context.fillStyle = style.color;
  context.textBaseline = 'middle';
  const range = document.createRange();
  for (const { from, to } of linesOf(text)) {
    range.setStart(text, from);
    range.setEnd(text, to);
    const { left, top, height } = range.getBoundingClientRect();
    context.fillText(text.data.slice(from, to).replace(/\s+/g, ' '), left, top + height / 2);
  }
}

/**
 * @param {Text} text
 * @returns {{ from: number, to: number }[]} where it was broken into lines
 */
function linesOf(text) {
  const range = document.createRange();
  const lines = [];
  let from = 0;
  let top = Number.NaN;
  for (let at = 0; at < text.length; at += 1) {
    range.setStart(text, at);
    range.setEnd(text, at + 1);
    const box = range.getClientRects()[0];
    if (!box || box.width === 0) continue;
    if (!Number.isNaN(top) && Math.abs(box.top - top) > box.height / 2) {
      lines.push({ from, to: at });
      from = at;
    }
    top = box.top;
  }
  lines.push({ from, to: text.length });
  return lines;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {SVGGeometryElement} shape
 * @param {CSSStyleDeclaration} style
 */
function drawShape(context, shape, style) {
  const path = pathOf(shape);
  const matrix = shape.getScreenCTM();
  if (!path || !matrix) return;
  context.save();
  context.transform(matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f);
  context.globalAlpha = Number(style.opacity);
  if (style.fill !== 'none') {
    context.fillStyle = style.fill;
    context.fill(path);
  }
  if (style.stroke !== 'none') {
    context.strokeStyle = style.stroke;
    context.lineWidth = Number.parseFloat(style.strokeWidth);
    context.lineCap = /** @type {CanvasLineCap} */ (style.strokeLinecap);
    if (style.strokeDasharray !== 'none') {
      const length = Number(shape.getAttribute('pathLength')) || 0;
      const share = length > 0 ? shape.getTotalLength() / length : 1;
      context.setLineDash(
        style.strokeDasharray.split(/[\s,]+/).map((each) => Number.parseFloat(each) * share),
      );
    }
    context.stroke(path);
  }
  context.restore();
}

/**
 * @param {SVGGeometryElement} shape
 * @returns {Path2D | null}
 */
function pathOf(shape) {
  if (shape instanceof SVGPathElement) return new Path2D(shape.getAttribute('d') ?? '');
  const path = new Path2D();
  if (shape instanceof SVGRectElement) {
    const [x, y, width, height, rx] = [shape.x, shape.y, shape.width, shape.height, shape.rx].map(
      ({ baseVal }) => baseVal.value,
    );
    path.roundRect(x, y, width, height, rx);
  } else if (shape instanceof SVGCircleElement) {
    path.arc(shape.cx.baseVal.value, shape.cy.baseVal.value, shape.r.baseVal.value, 0, 2 * Math.PI);
  } else if (shape instanceof SVGLineElement) {
    path.moveTo(shape.x1.baseVal.value, shape.y1.baseVal.value);
    path.lineTo(shape.x2.baseVal.value, shape.y2.baseVal.value);
  } else if (shape instanceof SVGPolylineElement || shape instanceof SVGPolygonElement) {
    for (const { x, y } of shape.points) path.lineTo(x, y);
    if (shape instanceof SVGPolygonElement) path.closePath();
  } else {
    return null;
  }
  return path;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {SVGTextElement} text
 * @param {CSSStyleDeclaration} style
 */
function drawSvgText(context, text, style) {
  const matrix = text.getScreenCTM();
  if (!matrix) return;
  const box = text.getBoundingClientRect();
  const size = Number.parseFloat(style.fontSize) * matrix.a;
  context.font = `${style.fontWeight} ${size}px ${style.fontFamily}`;
  context.fillStyle = style.fill === 'none' ? style.color : style.fill;
  context.textBaseline = 'middle';
  context.fillText(text.textContent?.trim() ?? '', box.left, box.top + box.height / 2);
}
