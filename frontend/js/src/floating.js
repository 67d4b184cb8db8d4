/** Keep an element beside a place of the text, clear of the bar above and the line below it. */
import { autoUpdate, computePosition, flip, offset, shift } from '@floating-ui/dom';

const GAP = 8;
const FOOT = 44;

/**
 * @param {{ getBoundingClientRect: () => DOMRect, contextElement?: Element }} place
 * @param {HTMLElement} element is `position: fixed`
 * @param {import('@floating-ui/dom').Placement} placement where there is room for it
 * @returns {() => void} ends it
 */
export function keepBeside(place, element, placement) {
  const update = async () => {
    const top = document.querySelector('.top')?.getBoundingClientRect().bottom ?? 0;
    const padding = { top: Math.max(top, 0) + GAP, bottom: FOOT, left: GAP, right: GAP };
    const { x, y } = await computePosition(place, element, {
      strategy: 'fixed',
      placement,
      middleware: [offset(GAP), flip({ padding }), shift({ padding })],
    });
    element.style.left = `${Math.round(x)}px`;
    element.style.top = `${Math.round(y)}px`;
  };
  return autoUpdate(place, element, update);
}

/**
 * A place in the text, wherever that has moved to.
 *
 * @param {import('@tiptap/core').Editor} editor
 * @param {() => { from: number, to: number }} range
 */
export const placeIn = (editor, range) => ({
  contextElement: editor.view.dom,
  getBoundingClientRect() {
    const { from, to } = range();
    const last = editor.state.doc.content.size;
    const start = editor.view.coordsAtPos(Math.min(from, last));
    const end = editor.view.coordsAtPos(Math.min(to, last), -1);
    const left = start.top === end.top ? start.left : Math.min(start.left, end.left);
    return new DOMRect(
      left,
      start.top,
      Math.max(end.right - left, 0),
      Math.max(end.bottom - start.top, 0),
    );
  },
});
