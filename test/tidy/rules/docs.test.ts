import { expect, test } from "vitest";
import { treeOf } from "../tree.ts";
import { agentsPageLength, changelogForm, decisionRecords, docLinks } from "./docs.ts";

test("links to files, folders and headings are followed from the page's own folder", () => {
  const tree = treeOf({
    "docs/a.md": [
      "# A page, of sorts",
      "[ok](b.md) [ok](../src) [ok](b.md#what-is-b) [ok](#a-page-of-sorts) [ok](https://x.y)",
      "[no](c.md)",
      "[no](b.md#nowhere)",
      "```\n[code](nowhere.md)\n```",
    ].join("\n"),
    "docs/b.md": "## What is `B`?",
    "src/a.ts": "",
  });
  expect(docLinks(tree).map(({ line }) => line)).toEqual([3, 4]);
});

const GOOD =
  "# Changelog\n\n## Unreleased\n\n### Added\n- One\n  more.\n\n### Fixed\n- Two.\n\n## 0.1.0 (2026-01-31)\n";

test("a changelog in the form passes", () => {
  expect(changelogForm(treeOf({ "CHANGELOG.md": GOOD }))).toEqual([]);
});

test.for([
  [
    "a section in the wrong place",
    "### Fixed\n- Two.\n",
    "### Fixed\n- Two.\n\n### Breaking\n- Three.\n",
  ],
  ["an unknown section", "### Added", "### Changed"],
  ["a release without a date", " (2026-01-31)", ""],
  ["a release before Unreleased", "## Unreleased", "## 0.2.0 (2026-02-01)"],
  ["a change that is no list item", "- Two.", "Two."],
])("a changelog is refused for %s", ([, from = "", to = ""]) => {
  const problems = changelogForm(treeOf({ "CHANGELOG.md": GOOD.replace(from, to) }));
  expect(problems.length).toBeGreaterThan(0);
});

test("AGENTS.md of 150 lines is refused", () => {
  expect(agentsPageLength(treeOf({ "AGENTS.md": "x\n".repeat(150) }))).toHaveLength(1);
  expect(agentsPageLength(treeOf({ "AGENTS.md": "x\n".repeat(149) }))).toEqual([]);
});

test("a decision record without a part, or without a link, is refused", () => {
  const good = "# 1. One\n\nStatus: accepted\n\n## Decision\n\n## Instead of\n";
  const list = "[1](0001-one.md)";
  const records = (text: string, readme: string) =>
    decisionRecords(treeOf({ "docs/adr/0001-one.md": text, "docs/adr/README.md": readme }));
  expect(records(good, list)).toEqual([]);
  expect(records(good, "")).toHaveLength(1);
  expect(records(good.replace("Status: accepted", ""), list)).toHaveLength(1);
});
