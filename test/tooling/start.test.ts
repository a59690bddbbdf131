import { expect, test } from "vitest";
import { conclusion } from "../../scripts/start-summary.mjs";

const RUNS = [
  { status: "completed", id: "a-1", output: { decision: "approved" } },
  { status: "waiting", id: "a-2" },
  { status: "refused", id: "a-3", violations: [{ contract: "in@1.0.0", rule: "x" }] },
  {
    status: "failed",
    id: "a-4",
    step: "risk",
    error: { code: "HANDOFF_REFUSED", violations: [{ contract: "requires", rule: "it is sure" }] },
  },
  { status: "failed", id: "a-5", step: "risk", error: { code: "AGENT_FAILED" } },
  { status: "malformed", line: 6, error: "the line is not JSON: x" },
  { status: "malformed", line: 7, error: "Run a-1 exists, with another input." },
];

function end(found: number, problems: readonly { readonly message: string }[] = []): string {
  return conclusion({
    summary: {
      runs: 5,
      found,
      conflicts: 1,
      tookMs: 2_000,
      statuses: { completed: 1, waiting: 1, refused: 1, failed: 2 },
      outputs: { approved: 1 },
    },
    results: RUNS,
    lines: 8,
    report: { runs: 5, entries: 30, commits: 3, problems },
  });
}

test("each application is counted once, under what became of it", () => {
  const text = end(0);
  const counts = ["Decided", "Waiting", "Refused", "Failed", "No run"].map((title) =>
    Number(new RegExp(`^${title} +(\\d+)`, "m").exec(text)?.[1]),
  );
  expect(counts).toEqual([1, 1, 2, 1, 3]);
  expect(text).toContain("1  the handoff to risk: it is sure");
  expect(text).toContain("1  the input: in@1.0.0");
  expect(text).toContain("5 runs in 2.0 s: 3 a second");
});

test("runs that were there already are not counted as throughput", () => {
  expect(end(5)).toContain("5 runs looked up");
  expect(end(2)).toContain("3 runs in 2.0 s: 2 a second");
});

test("a journal that does not verify is said loudly", () => {
  expect(end(0, [{ message: "entry 3 was changed" }])).toContain("NOT VERIFIED");
});

test("a run that was compensated is counted under why it failed, and once more as undone", () => {
  const results = RUNS.map((each) => ({
    ...each,
    ...(each.status === "failed" ? { status: "compensated" } : {}),
  }));
  const summary = {
    runs: 5,
    found: 0,
    conflicts: 1,
    tookMs: 2_000,
    statuses: { completed: 1, waiting: 1, refused: 1, compensated: 2 },
  };
  const report = { runs: 5, entries: 30, commits: 3, problems: [] };
  const text = conclusion({ summary, results, lines: 8, report });
  expect(text).toContain("1  the handoff to risk: it is sure");
  expect(text).toMatch(/^Failed +1$/m);
  expect(text).toMatch(/^Undone +2 {2}of these/m);
});

test("the commands to type next name runs that are there", () => {
  const text = end(0);
  expect(text).toContain("npx baton approve a-2 sign-off");
  expect(text).toContain("npx baton show a-4");
});
