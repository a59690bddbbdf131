/**
 * What the tidy rules look at: the repository's text files by path, as plain data, so that each rule can be shown
 * a small made-up tree on which it must fail.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Text files by path from the root, with forward slashes. */
export type Tree = ReadonlyMap<string, string>;

/** One thing to mend: where it is, and what to do about it. */
export interface Problem {
  readonly path: string;
  readonly line?: number;
  readonly message: string;
}

export type Rule = (tree: Tree) => readonly Problem[];

export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

const FOLDERS_LEFT_OUT = new Set([
  "node_modules",
  "dist",
  "coverage",
  "results",
  "generated",
  "fixtures",
]);
const HIDDEN_FOLDERS_READ = new Set([".ci"]);
const TEXT = /(\.(ts|mts|mjs|js|json|md|sql|sh|yml|yaml)|\/run|\.npmrc|\.oxlintrc\.json)$/;

/** Reads the repository below `root`. */
export function readTree(root: string = ROOT): Tree {
  const tree = new Map<string, string>();
  const visit = (folder: string): void => {
    for (const item of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? item.name : `${folder}/${item.name}`;
      if (item.isDirectory()) {
        const hidden = item.name.startsWith(".") && !HIDDEN_FOLDERS_READ.has(item.name);
        if (!hidden && !FOLDERS_LEFT_OUT.has(item.name) && path !== "console") visit(path);
      } else if (item.isFile() && TEXT.test(path)) {
        tree.set(path, readFileSync(join(root, path), "utf8"));
      }
    }
  };
  visit("");
  return tree;
}

/** A made-up tree, for the tests of the rules. */
export function treeOf(files: Readonly<Record<string, string>>): Tree {
  return new Map(Object.entries(files));
}

export function isTest(path: string): boolean {
  return /\.(test|test-d)\.ts$/.test(path);
}

/** The paths of a tree that match, in order. */
export function pathsIn(tree: Tree, pattern: RegExp): readonly string[] {
  return [...tree.keys()].filter((path) => pattern.test(path)).sort();
}

/** Each line of a text that matches, with its number from 1. */
export function linesMatching(
  text: string,
  pattern: RegExp,
): readonly { readonly line: number; readonly found: string }[] {
  return text.split("\n").flatMap((content, index) => {
    const match = pattern.exec(content);
    return match === null ? [] : [{ line: index + 1, found: match[0].trim() }];
  });
}
