/** Every page is followed: its files written, its commands run, its TypeScript compiled, its output compared. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readTree } from "../tidy/tree.ts";
import { blocksOf, folderOf } from "./blocks.ts";
import { makeFolder, ROOT } from "./folders.ts";
import { read } from "./reader.ts";

const notRun: string[] = [];

const pages = [...readTree().keys()]
  .filter((path) => path.endsWith(".md"))
  .filter((path) => {
    const page = readFileSync(join(ROOT, path), "utf8");
    return blocksOf(page).some(
      ({ language, file }) => /^(ts|sh)$/.test(language) || file !== undefined,
    );
  })
  .sort();

afterAll(() => {
  console.log(
    `${notRun.length} blocks are not run:\n${notRun.map((each) => `  ${each}`).join("\n")}`,
  );
});

test.for(pages)("%s", (path) => {
  const page = readFileSync(join(ROOT, path), "utf8");
  const folder = makeFolder(folderOf(page));
  try {
    const result = read(path, page, folder);
    notRun.push(...result.notRun);
    expect(result.problems.join("\n\n")).toBe("");
  } finally {
    folder.remove();
  }
});
