/** Images: a document holds only the addresses of its own files. */
import { Image as TiptapImage } from '@tiptap/extension-image';

const KEY = '[A-Za-z0-9_-]{1,64}';
const OWN = new RegExp(`^files/${KEY}$`);

/** @param {unknown} src */
export const isOwnFile = (src) => typeof src === 'string' && OWN.test(src);

export const Image = TiptapImage.extend({
  // `![alt](address)` is no way in: the address would be somebody else's.
  addInputRules: () => [],

  parseHTML() {
    return [
      {
        tag: 'img[src]',
        getAttrs: (element) => (isOwnFile(element.getAttribute('src')) ? null : false),
      },
    ];
  },

  // A program may write any address into a document.
  renderHTML({ HTMLAttributes: { src, ...others } }) {
    return ['img', { alt: '', ...others, ...(isOwnFile(src) ? { src } : {}) }];
  },
});
