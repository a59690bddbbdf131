import { expect, test } from "vitest";
import { createCli } from "../../src/cli/cli.ts";
import { printTable } from "../../src/cli/table.ts";
import { recordingTerminal } from "./recording-terminal.ts";

async function printed(columns: number, ...rows: readonly (readonly string[])[]): Promise<string> {
  const terminal = recordingTerminal({ columns });
  const cli = await createCli(terminal, () => undefined);
  await printTable(cli, [{ title: "RUN" }, { title: "WHY", flexible: true }, { title: "N" }], rows);
  return terminal.out();
}

test("characters that take two columns are not cut where there is room", async () => {
  const why = "残高が不足しています";
  expect(await printed(120, ["注文", why, "1"], ["r", "short", "22"])).toBe(
    `RUN   WHY                   N\n注文  ${why}  1\nr     short                 22\n`,
  );
});

test("the flexible column is cut to what is left of the terminal", async () => {
  const why = "残高が不足しています";
  expect(await printed(20, ["注文", why, "1"])).toBe(
    "RUN   WHY          N\n注文  残高が不足…  1\n",
  );
  expect(await printed(20, ["r", "the balance is low", "1"])).toBe(
    "RUN  WHY           N\nr    the balance…  1\n",
  );
});
