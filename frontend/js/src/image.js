/** Images: a document holds only the addresses of its own files. */
import { Image as TiptapImage } from '@tiptap/extension-image';
import { DOMSerializer } from '@tiptap/pm/model';
import { Plugin } from '@tiptap/pm/state';

const KEY = '[A-Za-z0-9_-]{1,64}';
const OWN = new RegExp(`^files/${KEY}$`);
const FILE = new RegExp(`^(/documents/[0-9a-f-]{36}/)(files/${KEY})$`);

/** @param {unknown} src */
export const isOwnFile = (src) => typeof src === 'string' && OWN.test(src);

/**
 * The file of this site that an address leads to.
 *
 * @param {string} src as it was pasted
 * @param {string} page the address of this document's page
 * @returns {{ own: string } | { other: string } | null} `own` as an image node holds it; `other`, of
 *   another document, must be copied; null is somebody else's
 */
export function fileOf(src, page) {
  if (isOwnFile(src)) return { own: src };
  if (!URL.canParse(src)) return null;
  const { origin, pathname } = new URL(src);
  const here = new URL(page);
  const [, folder, file] = (origin === here.origin && pathname.match(FILE)) || [];
  if (!file) return null;
  return folder === here.pathname ? { own: file } : { other: new URL(src).href };
}

export const Image = TiptapImage.extend({
  // `![alt](address)` is no way in: the address would be somebody else's.
  addInputRules: () => [],

  addAttributes() {
    const attributes = this.parent?.() ?? {};
    return {
      ...attributes,
      src: {
        default: null,
        parseHTML: (element) => {
          const file = fileOf(element.getAttribute('src') ?? '', location.href);
          return file && 'own' in file ? file.own : null;
        },
      },
      alt: { default: null, parseHTML: (element) => element.getAttribute('alt') || null },
      width: { default: null, parseHTML: (element) => pixels(element.getAttribute('width')) },
      height: { default: null, parseHTML: (element) => pixels(element.getAttribute('height')) },
    };
  },

  parseHTML() {
    return [
      {
        tag: 'img[src]',
        getAttrs: (element) => {
          const file = fileOf(element.getAttribute('src') ?? '', location.href);
          return file && 'own' in file ? null : false;
        },
      },
    ];
  },

  // A program may write any address into a document.
  renderHTML({ HTMLAttributes: { src, alt, ...others } }) {
    return ['img', { ...others, alt: alt ?? '', ...(isOwnFile(src) ? { src } : {}) }];
  },

  addProseMirrorPlugins() {
    const serializer = new CopySerializer(
      DOMSerializer.nodesFromSchema(this.editor.schema),
      DOMSerializer.marksFromSchema(this.editor.schema),
    );
    return [new Plugin({ props: { clipboardSerializer: serializer } })];
  },
});

/** What is copied leads to its files from anywhere. */
class CopySerializer extends DOMSerializer {
  /**
   * @override
   * @param {import('@tiptap/pm/model').Fragment} fragment
   * @param {{ document?: Document }} [options]
   * @param {HTMLElement | DocumentFragment} [target]
   */
  serializeFragment(fragment, options, target) {
    const made = super.serializeFragment(fragment, options, target);
    for (const image of made.querySelectorAll('img[src]')) {
      image.setAttribute('src', new URL(image.getAttribute('src') ?? '', location.href).href);
    }
    return made;
  }
}

/** @param {string | null} value */
const pixels = (value) => (/^[1-9]\d{0,4}$/.test(value ?? '') ? Number(value) : null);
