import { expect, test } from "vitest";
import { treeOf } from "../tree.ts";
import { dependencyReasons, lockFile } from "./packages.ts";

const MANIFEST = { dependencies: { a: "^1.0.0" }, devDependencies: { b: "^2.0.0" } };

function page(...rows: readonly string[]) {
  return treeOf({
    "package.json": JSON.stringify(MANIFEST),
    "docs/dependencies.md": rows.join("\n"),
  });
}

test("a dependency without a complete row, and a row without a dependency, are refused", () => {
  const a = "| `a` | does a | 10 lines |";
  const b = "| `b` | does b | nothing |";
  expect(dependencyReasons(page(a, b))).toEqual([]);
  expect(dependencyReasons(page(a))[0]?.message).toContain("for b");
  expect(dependencyReasons(page(a, "| `b` | does b | |"))).toHaveLength(1);
  expect(dependencyReasons(page(a, b, "| `c` | does c | 1 |"))[0]?.message).toContain("c is no");
});

function lock(packages: Readonly<Record<string, unknown>>, root: unknown = MANIFEST) {
  return treeOf({
    "package.json": JSON.stringify(MANIFEST),
    "package-lock.json": JSON.stringify({ packages: { "": root, ...packages } }),
  });
}

test("a complete lock file passes", () => {
  expect(lockFile(lock({ "node_modules/a": { version: "1.0.0" } }))).toEqual([]);
});

test.for([
  ["names a registry", { "node_modules/a": { version: "1.0.0", resolved: "https://x.y/a.tgz" } }],
  ["has no version", { "node_modules/a": { optional: true } }],
  ["is missing", { "node_modules/a": { version: "1.0.0", optionalDependencies: { c: "1.0.0" } } }],
] as const)("a lock file is refused where an entry %s", ([why, packages]) => {
  expect(lockFile(lock(packages))[0]?.message).toContain(why);
});

test("a lock file made from another package.json is refused", () => {
  const other = { ...MANIFEST, dependencies: { a: "^1.1.0" } };
  expect(lockFile(lock({}, other))[0]?.message).toContain("dependencies differ");
});
