/** The tutorial, word by word, with npm itself: the packed package stands for the one in the registry. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { folderOf } from "../docs/blocks.ts";
import { makeFolder } from "../docs/folders.ts";
import { read } from "../docs/reader.ts";
import { packInto, ROOT } from "./packed.ts";

const PAGE = "docs/tutorial.md";

test("the tutorial works with the packed package, from an empty folder", () => {
  const page = readFileSync(join(ROOT, PAGE), "utf8");
  const npm = `if [ "$1 $2" = "install baton" ]; then set -- install "../$(cd .. && ls baton-*.tgz)"; fi
exec "${process.execPath}" "${join(ROOT, "scripts", "npm.mjs")}" "$@"`;
  const folder = makeFolder(folderOf(page), { npm });
  try {
    packInto(join(folder.path, ".."));
    const { problems, commands } = read(PAGE, page, folder);
    expect(problems.join("\n\n")).toBe("");
    expect(commands).toBeGreaterThan(5);
  } finally {
    folder.remove();
  }
});
