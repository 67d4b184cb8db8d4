/**
 * Pasted HTML under a CSP that forbids style attributes.
 *
 * The browser refuses them even in a document that is only parsed, and much formatting from
 * elsewhere is nothing but style attributes. So they are renamed before parsing, and set through
 * the CSSOM after it, which the CSP allows.
 */
import { Extension } from '@tiptap/core';
import { DOMParser as SchemaParser } from '@tiptap/pm/model';
import { Plugin } from '@tiptap/pm/state';

const NAME = 'data-style';
const STYLE_ELEMENTS = /<style\b[\s\S]*?<\/style\s*>/gi;
const TAGS = /<[a-z][^>]*>/gi;
const STYLE_ATTRIBUTES = /\sstyle\s*=/gi;

/** @param {string} html */
export const renameStyles = (html) =>
  html
    .replace(STYLE_ELEMENTS, '')
    .replace(TAGS, (tag) => tag.replace(STYLE_ATTRIBUTES, ` ${NAME}=`));

/** The schema's parser, which first gives pasted elements their styles back. */
class PasteParser extends SchemaParser {
  /**
   * @override
   * @param {Element} dom
   * @param {import('@tiptap/pm/model').ParseOptions} [options]
   */
  parseSlice(dom, options) {
    for (const element of dom.querySelectorAll(`[${NAME}]`)) {
      if ('style' in element) {
        /** @type {HTMLElement} */ (element).style.cssText = element.getAttribute(NAME) ?? '';
      }
    }
    return super.parseSlice(dom, options);
  }
}

export const PastedStyles = Extension.create({
  name: 'pastedStyles',

  addProseMirrorPlugins() {
    const { schema } = this.editor;
    const { rules } = SchemaParser.fromSchema(schema);
    const clipboardParser = new PasteParser(schema, rules);
    return [new Plugin({ props: { clipboardParser, transformPastedHTML: renameStyles } })];
  },
});
