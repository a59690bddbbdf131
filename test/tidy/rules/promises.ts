/** Each promise of docs/explanation/guarantees.md has a test that is named after it: `promise 4: ...`. */
import { isTest, type Problem, type Tree } from "../tree.ts";

const PAGE = "docs/explanation/guarantees.md";

/** A promise that the page says is not kept yet has no test to ask for. */
const NOT_YET = /not here yet/i;

export function promisesAreTested(tree: Tree): readonly Problem[] {
  const lines = (tree.get(PAGE) ?? "").split("\n");
  const tests = [...tree].flatMap(([path, text]) =>
    isTest(path) || path.startsWith("test/") ? [text] : [],
  );
  return lines.flatMap((text, index) => {
    const number = /^(\d+)\. \*\*/.exec(text)?.[1];
    if (number === undefined || NOT_YET.test(text)) return [];
    const name = new RegExp(`["'\`]promise ${number}:`);
    if (tests.some((each) => name.test(each))) return [];
    const message = `promise ${number} has no test named "promise ${number}: ...".`;
    return [{ path: PAGE, line: index + 1, message }];
  });
}
