/** Each dependency has its reason written down, and the lock file works behind any registry. */
import { linesMatching, type Problem, type Tree } from "../tree.ts";

const REASONS = "docs/dependencies.md";
const LISTS = [
  "dependencies",
  "devDependencies",
  "peerDependencies",
  "optionalDependencies",
] as const;

type Manifest = Readonly<Partial<Record<(typeof LISTS)[number], Readonly<Record<string, string>>>>>;

interface LockEntry extends Manifest {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
}

function parsed(tree: Tree, path: string): unknown {
  return JSON.parse(tree.get(path) ?? "{}");
}

/** A row of the table in docs/dependencies.md for every dependency, and none for one that is gone. */
export function dependencyReasons(tree: Tree): readonly Problem[] {
  const manifest = parsed(tree, "package.json") as Manifest; // our own file, in npm's format
  const needed = new Set(LISTS.flatMap((list) => Object.keys(manifest[list] ?? {})));
  const rows = new Map(
    linesMatching(tree.get(REASONS) ?? "", /^\| `[^`]+` \|.*/).map(({ line, found }) => {
      const cells = found.split("|").map((cell) => cell.trim());
      return [
        (cells[1] ?? "").replaceAll("`", ""),
        { line, complete: cells.slice(1, 4).every(Boolean) },
      ];
    }),
  );
  const missing = [...needed]
    .filter((name) => rows.get(name)?.complete !== true)
    .map((name) => ({
      path: REASONS,
      message: `say for ${name} what it does and what we would write instead.`,
    }));
  const needless = [...rows]
    .filter(([name]) => !needed.has(name))
    .map(([name, { line }]) => ({ path: REASONS, line, message: `${name} is no dependency.` }));
  return [...missing, ...needless];
}

/** No registry in the lock file, no entry without a version (`npm ci` refuses it), the same ranges as package.json. */
export function lockFile(tree: Tree): readonly Problem[] {
  const path = "package-lock.json";
  const manifest = parsed(tree, "package.json") as Manifest; // our own file, in npm's format
  const lock = parsed(tree, path) as { readonly packages?: Readonly<Record<string, LockEntry>> }; // npm's format
  const entries = Object.entries(lock.packages ?? {});
  const names = new Set(entries.map(([name]) => name));
  const mend = "run `node scripts/complete-lock.mjs`.";
  const problems = entries.flatMap(([name, entry]): readonly Problem[] => {
    if (name === "") return [];
    const absent = Object.keys(entry.optionalDependencies ?? {}).filter(
      (other) => !names.has(`node_modules/${other}`),
    );
    return [
      ...(entry.resolved === undefined
        ? []
        : [{ path, message: `${name} names a registry: ${mend}` }]),
      ...(entry.version === undefined
        ? [{ path, message: `${name} has no version: ${mend}` }]
        : []),
      ...absent.map((other) => ({ path, message: `${other} is missing: ${mend}` })),
    ];
  });
  const root = lock.packages?.[""] ?? {};
  const stale = LISTS.filter(
    (list) => JSON.stringify(root[list]) !== JSON.stringify(manifest[list]),
  );
  return [
    ...problems,
    ...stale.map((list) => ({ path, message: `${list} differ from package.json: npm install.` })),
  ];
}
