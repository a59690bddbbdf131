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
const transfer = agent({ name: "transfer", version: "1.0.0", input: Trip, output: Done, timeout: "5s", retry, delivery: "at-most-once",
  execute: ({ city, fails }) => {
    if (fails) throw new Error("the line went dead");
    return { booking: "transfer-" + city };
  } });
const paying = workflow("paying", "1.0.0", { input: Trip })
  .step("transfer", transfer, { input })
  .output(({ transfer }) => transfer);
const around = workflow("around", "1.0.0", { input: Trip })
  .subflow("sub", paying, { input })
  .map("each", transfer, { needs: ["input"], over: ({ input }) => [input, { ...input, fails: false }], input: (one) => one })
  .output(({ each }) => each);
export default defineConfig({ workflows: [trip, outer, paying, around] });
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
  expect(listed.out).toMatch(/t +hotel +compensation +hotel@1\.0\.0 .* the hotel does not answer/);
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

test("a step whose outcome is not known parks its run; a person tells what it did, and the run goes on", async () => {
  const said = await baton("run", "paying", "--id", "p", "--input", input(true, false));
  expect(said).toMatchObject({ code: 1 });
  expect(said.out).toBe("parked for a person: transfer\n");
  expect(said.err).toContain("next:  baton dead-letters show p transfer");
  expect((await baton("runs", "--status", "parked")).out).toMatch(/^p +paying@1\.0\.0 +parked/m);
  const shown = await baton("show", "p");
  expect(shown.out).toMatch(/transfer +parked +/);
  expect(shown.out).toContain("transfer waits for a person: what its attempt did is not known");
  expect(shown.out).toContain("next:  baton dead-letters show p");
  expect((await baton("dead-letters")).out).toMatch(/p +transfer +unknown +transfer@1\.0\.0/);
  const letter = await baton("dead-letters", "show", "p");
  expect(letter.out).toMatch(/parked +unknown, attempt 1/);
  expect(letter.out).toMatch(/executed as +[0-9a-f]{32}/);
  expect(letter.out).toContain("the line went dead");
  expect(letter.out).toContain("Oslo");
  expect(await json("dead-letters")).toMatchObject([{ what: "step", because: "unknown" }]);
  const skip = await baton("dead-letters", "skip", "p", "--reason", "x");
  expect(skip).toMatchObject({ code: 2 });
  expect(skip.err).toContain("retry, resolve or fail");
  expect(await baton("dead-letters", "resolve", "p", "--reason", "x")).toMatchObject({ code: 2 });
  const wrong = await baton("dead-letters", "resolve", "p", "--reason", "x", "--output", "{}");
  expect(wrong).toMatchObject({ code: 2 });
  expect(wrong.err).toContain("booking");
  writeFileSync(join(folder, "receipt.json"), '{"booking":"by hand"}');
  const done = await baton(
    ...["dead-letters", "resolve", "p", "transfer", "--output", "receipt.json"],
    ...["--reason", "seen in the bank's console", "--by", "ada"],
  );
  expect(done).toMatchObject({ code: 0 });
  expect(done.out).toContain("by hand");
  expect(await baton("dead-letters", "retry", "p")).toMatchObject({ code: 3 });
});

test("a step that waits for a person is given up, or tried again", async () => {
  await baton("run", "paying", "--id", "p", "--input", input(true, false));
  const again = await baton("dead-letters", "retry", "p", "--nothing-done");
  expect(again).toMatchObject({ code: 1 });
  expect(again.out).toBe("parked for a person: transfer\n");
  expect(await baton("dead-letters", "fail", "p")).toMatchObject({ code: 2 });
  const failed = await baton("dead-letters", "fail", "p", "--reason", "the account is closed");
  expect(failed).toMatchObject({ code: 1 });
  expect(failed.out).toContain("failed at transfer: Error: transfer was given up by a person");
  expect(await baton("run", "trip", "--id", "t", "--input", input(true, true))).toMatchObject({
    code: 1,
  });
  const fail = await baton("dead-letters", "fail", "t", "--reason", "x");
  expect(fail).toMatchObject({ code: 2 });
  expect(fail.err).toContain("retry, resolve or skip");
});

test("a run whose child and whose item wait for a person names both", async () => {
  const said = await baton("run", "around", "--id", "a", "--input", input(true, false));
  expect(said).toMatchObject({ code: 1 });
  expect(said.out).toContain("parked for a person: transfer");
  expect(said.out).toContain("parked for a person: each[0]");
  expect((await baton("show", "a")).out).toContain("each[0] waits for a person");
  expect(await json("show", "a/sub")).toMatchObject({ status: "parked" });
  const cancelled = await baton("cancel", "a", "--reason", "stop");
  expect(cancelled).toMatchObject({ code: 0 });
  expect((await baton("dead-letters")).err).toContain("No dead letters.");
});
