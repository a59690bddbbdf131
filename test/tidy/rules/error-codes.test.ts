import { expect, test } from "vitest";
import { treeOf } from "../tree.ts";
import { errorCodes, errorCodesAreUsed } from "./error-codes.ts";

const TABLE =
  'export const ERROR_CODES = {\n  RUN_LOST: "Find it.",\n  RUN_ODD:\n    "Look.",\n} as const;\n';
const RAISED = 'throw new BatonError("RUN_LOST", "x");\nthrow new BatonError("RUN_ODD", "y");';
const PAGE = "| `RUN_LOST` | a run is lost | Find it. |\n| `RUN_ODD` | it is odd | Look. |";

function problems(changes: Readonly<Record<string, string>>): readonly string[] {
  const tree = treeOf({
    "src/model/errors.ts": TABLE,
    "src/engine/a.ts": RAISED,
    "docs/errors.md": PAGE,
    ...changes,
  });
  return errorCodesAreUsed(tree).map(({ message }) => message);
}

test("the table is read whichever way it is broken into lines", () => {
  const codes = errorCodes(treeOf({ "src/model/errors.ts": TABLE }));
  expect([...codes]).toEqual([
    ["RUN_LOST", "Find it."],
    ["RUN_ODD", "Look."],
  ]);
});

test("codes that are raised and documented pass", () => {
  expect(problems({})).toEqual([]);
});

test("a code that only a test or a comment names is never raised", () => {
  const changes = {
    "src/engine/a.ts": "",
    "src/engine/a.test.ts": RAISED,
    "src/b.ts": `/*${RAISED}*/`,
  };
  expect(problems(changes)).toEqual(["RUN_LOST is never raised.", "RUN_ODD is never raised."]);
});

test("a code without a hint, or without its row, is refused", () => {
  expect(problems({ "src/model/errors.ts": TABLE.replace("Find it.", "") })[0]).toContain(
    "no hint",
  );
  expect(problems({ "docs/errors.md": PAGE.replace("Find it.", "Old hint.") })).toHaveLength(1);
  expect(problems({ "docs/errors.md": PAGE.replace("it is odd", "") })[0]).toContain("say when");
  expect(problems({ "docs/errors.md": `${PAGE}\n| \`RUN_GONE\` | x | y |` })[0]).toContain(
    "no code",
  );
});
