/** Every error code is raised somewhere, has a hint, and stands in docs/errors.md with the same hint. */
import { withoutComments } from "../source.ts";
import { isTest, pathsIn, type Problem, type Tree } from "../tree.ts";

const TABLE = "src/model/errors.ts";
const PAGE = "docs/errors.md";
const ROW = /^ {2}([A-Z][A-Z0-9_]+):\s*(?:"((?:\\.|[^"\\])*)"|'([^']*)'|`([^`]*)`)/gm;

/** The codes of the table in errors.ts with their hints. */
export function errorCodes(tree: Tree): ReadonlyMap<string, string> {
  const rows = [...withoutComments(tree.get(TABLE) ?? "").matchAll(ROW)];
  return new Map(
    rows.map(([, code = "", a, b, c]) => [code, (a ?? b ?? c ?? "").replaceAll('\\"', '"')]),
  );
}

export function errorCodesAreUsed(tree: Tree): readonly Problem[] {
  const sources = pathsIn(tree, /^src\/.*\.ts$/)
    .filter((path) => !isTest(path))
    .map((path) => withoutComments(tree.get(path) ?? ""))
    .join("\n");
  const rows = (tree.get(PAGE) ?? "").split("\n").filter((line) => line.startsWith("| `"));
  const page = new Map(
    rows.map((row) => [row.split("`")[1] ?? "", row.split("|").map((cell) => cell.trim())]),
  );
  const codes = errorCodes(tree);
  const problems = [...codes].flatMap(([code, hint]): readonly Problem[] => {
    const [, , when, written] = page.get(code) ?? [];
    const sameHint = written === hint.replaceAll("|", "\\|");
    return [
      ...(sources.includes(`"${code}"`)
        ? []
        : [{ path: TABLE, message: `${code} is never raised.` }]),
      ...(hint === "" ? [{ path: TABLE, message: `${code} has no hint.` }] : []),
      ...(when === undefined || !sameHint
        ? [
            {
              path: PAGE,
              message: `${code} is missing or out of date: node scripts/errors-doc.mjs`,
            },
          ]
        : []),
      ...(when === "" ? [{ path: PAGE, message: `say when ${code} is raised.` }] : []),
    ];
  });
  const gone = [...page.keys()]
    .filter((code) => !codes.has(code))
    .map((code) => ({ path: PAGE, message: `${code} is no code: node scripts/errors-doc.mjs` }));
  return [...problems, ...gone];
}
