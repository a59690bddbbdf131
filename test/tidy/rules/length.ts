/** No file over 500 lines, no function over 70: a part that size has more than one reason to change. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  FILE_LINES_MAX,
  FUNCTION_LINES_MAX,
  LONG_FILES,
  LONG_FUNCTIONS,
  type LengthException,
} from "../exceptions.ts";
import { pathsIn, type Problem, ROOT, type Tree } from "../tree.ts";

type Exceptions = Readonly<Record<string, LengthException>>;

const CODE = /\.(ts|mts|mjs|js)$/;

/** Compares what is too long with the list of exceptions, which only shrinks. */
function judge(
  tooLong: ReadonlyMap<string, number>,
  exceptions: Exceptions,
  what: string,
): readonly Problem[] {
  const found = [...tooLong].flatMap(([path, lines]): readonly Problem[] => {
    const allowed = exceptions[path]?.lines;
    if (allowed === undefined) return [{ path, message: `${what} of ${lines} lines: split it.` }];
    if (lines <= allowed) return [];
    return [
      { path, message: `${what} grew from ${allowed} to ${lines} lines: it may only shrink.` },
    ];
  });
  const needless = Object.keys(exceptions)
    .filter((path) => !tooLong.has(path))
    .map((path) => ({ path, message: `no longer has a ${what} that is too long: unlist it.` }));
  return [...found, ...needless];
}

export function fileLength(tree: Tree, exceptions: Exceptions = LONG_FILES): readonly Problem[] {
  const tooLong = new Map<string, number>();
  for (const path of pathsIn(tree, CODE)) {
    const lines = (tree.get(path) ?? "").trimEnd().split("\n").length;
    if (lines > FILE_LINES_MAX) tooLong.set(path, lines);
  }
  return judge(tooLong, exceptions, "file");
}

interface Diagnostic {
  readonly filename: string;
  readonly message: string;
}

/**
 * Functions go by `path#name` (no name: `path#`). Measured by oxlint, which parses. Tests and suites are left out: a `describe` is a function too. `root` is where oxlint runs.
 */
export function functionLength(
  root: string = ROOT,
  exceptions: Exceptions = LONG_FUNCTIONS,
): readonly Problem[] {
  const folder = mkdtempSync(join(tmpdir(), "baton-tidy-"));
  try {
    const config = join(folder, "oxlint.json");
    const rule = ["error", { max: FUNCTION_LINES_MAX, skipBlankLines: true, skipComments: true }];
    const rules = { "max-lines-per-function": rule };
    writeFileSync(
      config,
      JSON.stringify({ plugins: ["eslint"], categories: { correctness: "off" }, rules }),
    );
    const oxlint = join(ROOT, "node_modules", "oxlint", "bin", "oxlint");
    const leftOut = ["**/*.test.ts", "test/conformance", "dist", "console"].flatMap((glob) => [
      "--ignore-pattern",
      glob,
    ]);
    const args = [oxlint, "-c", config, "-f", "json"];
    const { stdout, stderr } = spawnSync(process.execPath, [...args, ...leftOut, "."], {
      cwd: root,
      encoding: "utf8",
    });
    if (!stdout.startsWith("{")) throw new Error(`oxlint gave no report: ${stdout}${stderr}`);
    // oxlint's own report format; the two fields used are checked below by the tests of this rule.
    const report = JSON.parse(stdout) as { readonly diagnostics: readonly Diagnostic[] };
    const tooLong = new Map<string, number>();
    for (const { filename, message } of report.diagnostics) {
      const lines = Number(/\((\d+)\)/.exec(message)?.[1] ?? Number.NaN);
      const place = `${filename}#${/`([^`]+)`/.exec(message)?.[1] ?? ""}`;
      tooLong.set(place, Math.max(lines, tooLong.get(place) ?? 0));
    }
    return judge(tooLong, exceptions, "function");
  } finally {
    rmSync(folder, { recursive: true });
  }
}
