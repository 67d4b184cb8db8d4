/** The language of a plain text, by the ending of its title; Markdown by default. */
import { css } from '@codemirror/lang-css';
import { html } from '@codemirror/lang-html';
import { javascript } from '@codemirror/lang-javascript';
import { json } from '@codemirror/lang-json';
import { markdown, markdownLanguage } from '@codemirror/lang-markdown';
import { python } from '@codemirror/lang-python';
import { sql } from '@codemirror/lang-sql';
import { yaml } from '@codemirror/lang-yaml';
import { lineNumbers } from '@codemirror/view';

/** @typedef {import('@codemirror/language').LanguageSupport} LanguageSupport */

/** @type {Record<string, () => LanguageSupport>} */
const byName = {
  python: () => python(),
  javascript: () => javascript({ jsx: true }),
  typescript: () => javascript({ jsx: true, typescript: true }),
  json: () => json(),
  html: () => html(),
  css: () => css(),
  sql: () => sql(),
  yaml: () => yaml(),
};

/** @type {Record<string, string>} */
const names = {
  py: 'python',
  js: 'javascript',
  jsx: 'javascript',
  mjs: 'javascript',
  ts: 'typescript',
  tsx: 'typescript',
  json: 'json',
  html: 'html',
  htm: 'html',
  css: 'css',
  sql: 'sql',
  yaml: 'yaml',
  yml: 'yaml',
};

/**
 * @param {string} word a language's name, or the ending of its files
 * @returns {string} a name that we have, or 'markdown'
 */
function known(word) {
  if (Object.hasOwn(byName, word)) return word;
  return Object.hasOwn(names, word) ? names[word] : 'markdown';
}

/** @param {string} title */
export const lookOf = (title) => known(/\.(\w{1,4})\s*$/.exec(title)?.[1].toLowerCase() ?? '');

/**
 * @param {string} title
 * @returns {import('@codemirror/state').Extension} code has numbers on its lines
 */
export function languageOf(title) {
  const name = lookOf(title);
  if (name !== 'markdown') return [byName[name](), lineNumbers()];
  return markdown({
    base: markdownLanguage,
    codeLanguages: (info) => {
      const of = known(/^\w*/.exec(info)?.[0].toLowerCase() ?? '');
      return of === 'markdown' ? null : byName[of]().language;
    },
  });
}
