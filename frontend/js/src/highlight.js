/**
 * Colour code by its grammar.
 *
 * Tiptap's own plugin parses all blocks anew with every change of one, and guesses the language of
 * those without. The binding makes all nodes anew with every edit of another person, so what was
 * parsed is kept by language and text.
 */
import { Plugin, PluginKey } from '@tiptap/pm/state';
import { Decoration, DecorationSet } from '@tiptap/pm/view';
import { coloursOf } from './colours.js';

/** A longer block stays plain: it would be parsed with every key pressed in it. */
const MOST_CHARACTERS = 20_000;
const MOST_KEPT = 200;
const PAUSE_MS = 10_000;

/** @typedef {ReturnType<typeof import('lowlight').createLowlight>} Lowlight */
/** @typedef {import('@tiptap/pm/model').Node} Node */

const key = new PluginKey('highlighting');

export function highlighting() {
  const colours = new Colours();
  return new Plugin({
    key,
    state: {
      init: (_config, { doc }) => colours.of(doc),
      apply: (tr, set) => (tr.docChanged || tr.getMeta(key) ? colours.of(tr.doc) : set),
    },
    props: {
      decorations: (state) => key.getState(state),
    },
    view: (view) => {
      colours.onGrammars = () => {
        if (!view.isDestroyed) view.dispatch(view.state.tr.setMeta(key, true));
      };
      return {
        destroy: () => {
          colours.onGrammars = () => {};
        },
      };
    },
  });
}

class Colours {
  onGrammars = () => {};
  /** @type {Lowlight | null} */
  lowlight = null;
  isLoading = false;
  /** @type {Map<string, import('./colours.js').Span[]>} oldest first */
  kept = new Map();

  /**
   * @param {Node} doc
   * @returns {DecorationSet}
   */
  of(doc) {
    /** @type {Decoration[]} */
    const all = [];
    doc.descendants((node, pos) => {
      if (node.type.spec.code) {
        for (const { from, to, name } of this.spans(node)) {
          all.push(Decoration.inline(pos + 1 + from, pos + 1 + to, { class: name }));
        }
      }
      return !node.isTextblock;
    });
    return all.length === 0 ? DecorationSet.empty : DecorationSet.create(doc, all);
  }

  /** @param {Node} node */
  spans({ attrs: { language }, textContent }) {
    if (!language || textContent === '' || textContent.length > MOST_CHARACTERS) return [];
    if (this.lowlight === null) {
      this.load();
      return [];
    }
    if (!this.lowlight.registered(language)) return [];
    const name = `${language}\n${textContent}`;
    const spans = this.kept.get(name) ?? coloursOf(this.lowlight.highlight(language, textContent));
    this.kept.delete(name);
    this.kept.set(name, spans);
    if (this.kept.size > MOST_KEPT) this.kept.delete([...this.kept.keys()][0]);
    return spans;
  }

  async load() {
    const url = document.querySelector('collab-editor')?.getAttribute('data-grammars-url');
    if (this.isLoading || !url) return;
    this.isLoading = true;
    try {
      this.lowlight = (await import(new URL(url, location.href).href)).lowlight;
    } catch {
      // Offline before they were ever loaded: a change some time later tries again.
      setTimeout(() => {
        this.isLoading = false;
      }, PAUSE_MS);
      return;
    }
    this.onGrammars();
  }
}
