/**
 * Let CodeMirror's styles in without a `<style>` element, which the page's CSP forbids.
 *
 * style-mod adopts a constructed sheet only in a shadow root. In a document it asks for a nonce; a
 * sheet made by script needs none (CSP 3, "inline" is about elements and attributes).
 */
import { StyleModule } from 'style-mod';

let isDone = false;

export function adoptStyles() {
  if (isDone) return;
  isDone = true;
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  /** @type {StyleModule[]} */
  let mounted = [];
  StyleModule.mount = (_root, modules) => {
    const wanted = Array.isArray(modules) ? modules : [modules];
    if (wanted.every((module) => mounted.includes(module))) return;
    // Later modules win over earlier ones, as in the original.
    mounted = [...mounted.filter((module) => !wanted.includes(module)), ...wanted];
    sheet.replaceSync(mounted.map((module) => module.getRules()).join('\n'));
  };
}
