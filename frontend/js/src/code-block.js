/** Blocks of code. */
import { CodeBlock } from '@tiptap/extension-code-block';

export const CodeBlocks = CodeBlock;
