/** What the rules need to know of a TypeScript file: its imports, and its code without comments and strings. */
import { posix } from "node:path";

/** One import or re-export: as written, and resolved to a path of the tree if it is relative. */
export interface Import {
  readonly specifier: string;
  readonly path?: string;
  readonly line: number;
}

const TOKENS =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
const STATIC = /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"'\n]+)["']/gm;
const BARE = /^\s*import\s*["']([^"'\n]+)["']/gm;
const DYNAMIC = /\bimport\(\s*["']([^"'\n]+)["']/g;
const LOCATED = /\bnew URL\(\s*["'](\.[^"'\n]+\.ts)["']\s*,\s*import\.meta\.url/g;

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}

/** The text without its comments; lines keep their numbers. */
export function withoutComments(text: string): string {
  return text.replace(TOKENS, (token) => (/^\/[/*]/.test(token) ? blank(token) : token));
}

/** The text without comments and without what stands in strings; lines keep their numbers. */
export function codeOnly(text: string): string {
  return text.replace(TOKENS, blank);
}

/** The files and packages that a file imports, in any of the ways that one can. */
export function importsOf(path: string, text: string): readonly Import[] {
  const code = withoutComments(text);
  return [STATIC, BARE, DYNAMIC, LOCATED].flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match): Import => {
      const specifier = match[1] ?? "";
      const line = code.slice(0, match.index + match[0].length).split("\n").length;
      if (!specifier.startsWith(".")) return { specifier, line };
      return { specifier, line, path: posix.join(posix.dirname(path), specifier) };
    }),
  );
}
