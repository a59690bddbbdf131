/** What is exported is a list of names that somebody wrote down; what nobody imports is gone. */
import { LOADED_OTHERWISE } from "../exceptions.ts";
import { importsOf, withoutComments } from "../source.ts";
import { isTest, linesMatching, pathsIn, type Problem, type Tree } from "../tree.ts";

/** No `export *` anywhere in src/. */
export function namedExportsOnly(tree: Tree): readonly Problem[] {
  return pathsIn(tree, /^src\/.*\.ts$/).flatMap((path) =>
    linesMatching(withoutComments(tree.get(path) ?? ""), /^\s*export\s+(type\s+)?\*/).map(
      ({ line }) => ({ path, line, message: "list the names that are exported." }),
    ),
  );
}

/** The source files that package.json's `exports` and `bin` lead to. */
export function entryFiles(tree: Tree): readonly string[] {
  const targets =
    (tree.get("package.json") ?? "").match(/\.\/dist\/[\w/-]+\.js|"dist\/[\w/-]+\.js/g) ?? [];
  const files = targets.map((target) =>
    target.replace(/^("|\.\/)dist\//, "src/").replace(/\.js$/, ".ts"),
  );
  return [...new Set(files)];
}

/** Every file of src/ is reached from an entry of the package. */
export function deadFiles(
  tree: Tree,
  exceptions: Readonly<Record<string, string>> = LOADED_OTHERWISE,
): readonly Problem[] {
  const entries = entryFiles(tree);
  const missing = entries
    .filter((path) => !tree.has(path))
    .map((path) => ({ path, message: "package.json names it, but it does not exist." }));
  const reached = new Set<string>();
  const waiting = [...entries, ...Object.keys(exceptions)];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    for (const one of importsOf(path, tree.get(path) ?? "")) {
      if (one.path !== undefined) waiting.push(one.path);
    }
  }
  const dead = pathsIn(tree, /^src\/.*\.ts$/)
    .filter((path) => !isTest(path) && !reached.has(path))
    .map((path) => ({ path, message: "no entry of the package reaches it: use it or delete it." }));
  return [...missing, ...dead];
}
