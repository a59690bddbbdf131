/** The commands about the way back: compensate, dead-letters, and what the others say of it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";

// Inside the repository, so that the project finds zod.
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(ROOT, "node_modules", ".baton-cli-test-"));

const CONFIG = `
import { agent, contract, defineConfig, exponential, workflow } from "baton";
import { z } from "zod";
const Trip = contract("trip", "1.0.0", z.object({ city: z.string(), fails: z.boolean(), stuck: z.boolean() }));
const Done = contract("done", "1.0.0", z.object({ booking: z.string() }));
const retry = { attempts: 1, backoff: exponential("1ms") };
const booker = (name) => agent({ name, version: "1.0.0", input: Trip, output: Done, timeout: "5s", retry,
  execute: ({ city, fails }) => {
    if (name === "payment" && fails) throw new Error("the card was declined");
    return { booking: name + "-" + city };
  },
  compensate: ({ stuck }) => {
    if (name === "hotel" && stuck) throw new Error("the hotel does not answer");
  } });
const [flight, hotel, payment] = [booker("flight"), booker("hotel"), booker("payment")];
const input = ({ input }) => input;
const inner = workflow("inner", "1.0.0", { input: Trip })
  .step("hotel", hotel, { input })
  .output(({ hotel }) => hotel);
const trip = workflow("trip", "1.0.0", { input: Trip })
  .step("flight", flight, { input })
  .step("hotel", hotel, { needs: ["input", "flight"], input })
  .step("payment", payment, { needs: ["input", "hotel"], input })
  .output(({ payment }) => payment);
const outer = workflow("outer", "1.0.0", { input: Trip })
  .subflow("stay", inner, { input })
  .step("payment", payment, { needs: ["input", "stay"], input })
  .output(({ payment }) => payment);
export default defineConfig({ workflows: [trip, outer] });
`;

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

let count = 0;

async function baton(...argv: readonly string[]): Promise<Said> {
  const terminal = recordingTerminal({ cwd: folder, columns: 200 });
  const code = await runProgram([...argv, "--store", join(folder, `${count}.db`)], terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

async function json(...argv: readonly string[]): Promise<unknown> {
  const { out } = await baton(...argv, "--json");
  return JSON.parse(out.trimEnd().split("\n").at(-1) ?? "");
}

const input = (fails: boolean, stuck: boolean) => JSON.stringify({ city: "Oslo", fails, stuck });

beforeAll(() => writeFileSync(join(folder, "baton.config.ts"), CONFIG));
afterAll(() => rmSync(folder, { recursive: true }));
// A store of its own for each test.
beforeEach(() => {
  count += 1;
});

test("run says that a failed run was compensated, and ends with 1; show says what was undone", async () => {
  const said = await baton("run", "trip", "--id", "t", "--input", input(true, false));
  expect(said).toMatchObject({ code: 1 });
  expect(said.out).toBe("compensated after payment failed: Error: the card was declined\n");
  const shown = await baton("show", "t");
  expect(shown.out).toContain("Went back (failed, by baton): the card was declined");
  expect(shown.out).toMatch(/hotel +done +hotel@1\.0\.0/);
  expect(await json("show", "t")).toMatchObject({
    status: "compensated",
    rollback: {
      because: "failed",
      step: "payment",
      compensations: [
        { path: "hotel", status: "done" },
        { path: "flight", status: "done" },
      ],
    },
  });
  expect((await baton("graph", "--run", "t")).out).toMatch(/undone +flight/);
  expect((await baton("replay", "t")).code).toBe(0);
  expect((await baton("verify")).code).toBe(0);
});

test("a run that is parked ends run with 1, is listed and shown, and goes on when a person has decided", async () => {
  const said = await baton("run", "trip", "--id", "t", "--input", input(true, true));
  expect(said).toMatchObject({ code: 1, out: "parked for compensation hotel\n" });
  expect(said.err).toContain("next:  baton dead-letters show t hotel");
  const listed = await baton("dead-letters");
  expect(listed.code).toBe(0);
  expect(listed.out).toMatch(/t +hotel +hotel@1\.0\.0 .* the hotel does not answer/);
  expect(await json("dead-letters")).toMatchObject([
    { run: "t", path: "hotel", output: { booking: "hotel-Oslo" } },
  ]);
  const shown = await baton("dead-letters", "show", "t");
  expect(shown.out).toContain("hotel-Oslo");
  expect(shown.out).toContain("the card was declined");
  expect(await baton("dead-letters", "retry", "t")).toMatchObject({
    code: 1,
    out: "parked for compensation hotel\n",
  });
  expect(await baton("dead-letters", "resolve", "t", "hotel")).toMatchObject({ code: 2 });
  const resolved = await json(
    "dead-letters",
    "resolve",
    "t",
    "hotel",
    "--reason",
    "by phone",
    "--by",
    "grace",
  );
  expect(resolved).toMatchObject({ id: "t", status: "compensated", step: "payment" });
  expect((await baton("dead-letters")).err).toBe("No dead letters.\n");
  expect((await baton("show", "t")).out).toMatch(/hotel +byHand .* grace: by phone/);
});

test("what is not there is not found, and what is not an action is usage", async () => {
  await baton("run", "trip", "--id", "t", "--input", input(false, false));
  expect((await baton("dead-letters", "show", "t")).code).toBe(3);
  expect((await baton("dead-letters", "skip", "t", "--reason", "x")).code).toBe(3);
  expect((await baton("dead-letters", "show", "nobody")).code).toBe(3);
  expect((await baton("dead-letters", "show")).code).toBe(2);
  expect((await baton("dead-letters", "burn", "t")).code).toBe(2);
  expect((await baton("compensate", "nobody", "--reason", "x")).code).toBe(3);
  expect((await baton("compensate", "t")).code).toBe(2);
});

test("compensate undoes a completed run, once", async () => {
  await baton("run", "trip", "--id", "t", "--input", input(false, false));
  const said = await baton("compensate", "t", "--reason", "booked twice", "--by", "grace");
  expect(said.code).toBe(0);
  expect(said.out).toBe("compensated: COMPENSATION_ASKED: booked twice\n");
  expect((await baton("show", "t")).out).toContain("Went back (asked, by grace): booked twice");
  expect((await baton("compensate", "t", "--reason", "again")).code).toBe(4);
});

test("a child run that is parked while its parent goes back is said of the parent", async () => {
  const said = await baton("run", "outer", "--id", "o", "--input", input(true, true));
  expect(said).toMatchObject({ code: 1, out: "parked for compensation hotel\n" });
  expect(said.err).toContain("baton dead-letters show o/stay hotel");
  expect(await json("dead-letters", "skip", "o/stay", "--reason", "it was free")).toMatchObject({
    id: "o",
    status: "compensated",
  });
});

test("a batch counts runs that are parked", async () => {
  const file = join(folder, "trips.jsonl");
  writeFileSync(file, `${input(true, true)}\n${input(false, false)}\n`);
  const summary = await json("run", "trip", file);
  expect(summary).toMatchObject({ summary: { statuses: { parked: 1, completed: 1 } } });
});
