import { describe, expect, it } from "vitest";
import { z } from "zod";
import { agent } from "./agent.ts";
import { contract } from "./contract.ts";
import { isBatonError } from "./errors.ts";
import { workflow } from "./workflow.ts";

const Doc = contract("doc", "1.0.0", z.object({ text: z.string() }));
const Pile = contract(
  "pile",
  "1.0.0",
  z.object({ text: z.string(), docs: z.array(z.object({ text: z.string() })) }),
);
const write = agent({
  name: "write",
  version: "1.0.0",
  input: Doc,
  output: Doc,
  execute: (doc) => doc,
});
const begun = () => workflow("letter", "1.0.0", { input: Doc });

/** The builder as those see it who write JavaScript. */
type Loose = { readonly [method: string]: (...given: readonly unknown[]) => Loose };
const loose = (options: unknown = { input: Doc }, name = "letter", version = "1.0.0") =>
  workflow(name, version, options as { input: typeof Doc }) as unknown as Loose;
const text = () => ({ text: "x" });

/** The problems for which a definition is refused; none if it is not. */
function problemsOf(build: () => unknown): readonly unknown[] {
  try {
    build();
  } catch (error) {
    if (!isBatonError(error, "DEFINITION_INVALID")) throw error;
    // Errors with this code always have the list.
    return error.details["problems"] as readonly unknown[];
  }
  return [];
}

describe("workflow", () => {
  it("becomes plain data: steps in order, found by name, with who needs whom", () => {
    const built = begun()
      .step("draft", write, { input: ({ input }) => input })
      .step("final", write, { needs: ["input", "draft"], input: ({ draft }) => draft })
      .output(({ final }) => final);
    expect(built).toMatchObject({
      name: "letter",
      version: "1.0.0",
      id: "letter@1.0.0",
      input: Doc,
    });
    expect(built.output).toBeUndefined();
    expect(built.steps.map(({ name }) => name)).toEqual(["draft", "final"]);
    expect(built.stepByName.get("final")).toBe(built.steps[1]);
    expect([...built.dependents]).toEqual([
      ["input", ["draft", "final"]],
      ["draft", ["final"]],
    ]);
    expect(built.project({ final: { text: "end" } })).toEqual({ text: "end" });
    expect(
      Object.isFrozen(built) && Object.isFrozen(built.steps) && Object.isFrozen(built.steps[0]),
    ).toBe(true);
  });

  it("gives each step the documented defaults", () => {
    const built = workflow("letter", "1.0.0", {
      input: Pile,
      output: Doc,
      description: "Writes letters.",
    })
      .step("one", write, { input: text })
      .map("many", write, { over: ({ input }) => input.docs, input: (doc) => doc })
      .repeat("again", write, { input: text, until: () => true, limit: 3 })
      .sleep("pause", { for: "2h" })
      .approval("sign", { show: () => null, timeout: "1d" })
      .awaitSignal("reply", { contract: Doc, remindEvery: "1d" })
      .output(({ one }) => one);
    expect(built.description).toBe("Writes letters.");
    expect(built.output).toBe(Doc);
    const [one, many, again, pause, sign, reply] = built.steps;
    expect(one).toMatchObject({
      kind: "agent",
      needs: ["input"],
      requires: [],
      onRefused: { kind: "fail" },
      agent: write,
    });
    expect(one).not.toHaveProperty("when");
    expect(many).toMatchObject({ kind: "map", concurrency: 8, failures: "all" });
    expect(again).toMatchObject({ kind: "repeat", limit: 3, atLimit: "fail" });
    expect(pause).toMatchObject({ kind: "sleep", wake: { kind: "after", afterMs: 7_200_000 } });
    expect(sign).toMatchObject({ kind: "approval", timeoutMs: 86_400_000, onTimeout: "fail" });
    expect(reply).toMatchObject({
      kind: "signal",
      remindEveryMs: 86_400_000,
      onTimeout: { kind: "fail" },
    });
    expect(reply).not.toHaveProperty("timeoutMs");
  });

  it("keeps every policy that is given", () => {
    const nested = workflow("part", "1.0.0", { input: Doc })
      .step("one", write, { input: text })
      .output(({ one }) => one);
    const built = begun()
      .step("draft", write, { when: () => true, onRefused: "skip", input: text })
      .step("final", write, {
        needs: ["draft"],
        requires: { "it is short": () => true },
        onRefused: { sendBack: "draft", turns: 2 },
        input: text,
      })
      .map("many", write, { over: () => [1], input: text, concurrency: 2, failures: "settled" })
      .branch("way", { choose: ({ input }) => (input.text === "" ? "short" : "long") }, (take) =>
        take.case("short", write, { input: text }).case("long", nested, { input: text }),
      )
      .repeat("again", write, { input: text, until: () => true, limit: 1, atLimit: "last" })
      .subflow("inner", nested, { input: text })
      .sleep("pause", { until: () => "2030-01-01T00:00:00Z" })
      .approval("sign", {
        show: () => null,
        timeout: "1d",
        remindEvery: "1h",
        onTimeout: "refused",
      })
      .awaitSignal("reply", {
        contract: Doc,
        timeout: "1d",
        onTimeout: { value: { text: "none" } },
      })
      .awaitSignal("second", { contract: Doc, timeout: "1d", onTimeout: "skip" })
      .output(({ final }) => final);
    const [draft, final, many, way, again, inner, pause, sign, reply, second] = built.steps;
    expect(draft).toMatchObject({ onRefused: { kind: "skip" }, when: expect.any(Function) });
    expect(final).toMatchObject({
      onRefused: { kind: "sendBack", to: "draft", turns: 2 },
      requires: [{ name: "it is short" }],
    });
    expect(many).toMatchObject({ concurrency: 2, failures: "settled" });
    expect(way?.kind === "branch" && [...way.cases]).toEqual([
      ["short", { kind: "agent", agent: write, input: text }],
      ["long", { kind: "workflow", workflow: nested, input: text }],
    ]);
    expect(again).toMatchObject({ atLimit: "last" });
    expect(inner).toMatchObject({ kind: "subflow", workflow: nested });
    expect(pause).toMatchObject({ wake: { kind: "at" } });
    expect(sign).toMatchObject({ onTimeout: "refused", remindEveryMs: 3_600_000 });
    expect(reply).toMatchObject({ onTimeout: { kind: "value", value: { text: "none" } } });
    expect(second).toMatchObject({ onTimeout: { kind: "skip" } });
  });

  it("lets two workflows grow from one builder without either seeing the other", () => {
    const trunk = begun().step("one", write, { input: text });
    const left = trunk.step("left", write, { input: text });
    const right = trunk.step("right", write, { input: text });
    const names = (built: { readonly steps: readonly { readonly name: string }[] }) =>
      built.steps.map(({ name }) => name);
    const more = left.step("more", write, { input: text });
    expect(names(left.output(() => 1))).toEqual(["one", "left"]);
    expect(names(right.output(() => 1))).toEqual(["one", "right"]);
    expect(names(more.output(() => 1))).toEqual(["one", "left", "more"]);
    expect(names(trunk.output(() => 1))).toEqual(["one"]);
  });

  it("does not see what is done to the needs after they were given", () => {
    const needs: ["input"] = ["input"];
    const built = begun()
      .step("one", write, { needs, input: text })
      .output(() => 1);
    needs.pop();
    expect(built.steps[0]?.needs).toEqual(["input"]);
  });

  it("builds ten thousand steps", () => {
    let builder = loose();
    for (let i = 0; i < 10_000; i += 1) {
      const needs = i === 0 ? ["input"] : [`s${i - 1}`];
      builder = builder["step"]?.(`s${i}`, write, { needs, input: text }) as Loose;
    }
    const built = builder["output"]?.(() => 1) as unknown as ReturnType<
      ReturnType<typeof begun>["output"]
    >;
    expect(built.steps).toHaveLength(10_000);
    expect(built.dependents.get("s9998")).toEqual(["s9999"]);
  });

  it("lists the problems of every step at once", () => {
    const later = async () => ({ text: "x" });
    const problems = problemsOf(() =>
      loose({ input: {}, output: 1, inputs: 1 }, "Letter", "1")
        ["step"]?.("input", write, { input: text })
        ["step"]?.("a b", {}, { input: later, need: [] })
        ["step"]?.("a", write, { needs: ["b", "c", "a"], input: text })
        ["step"]?.("b", write, { needs: ["input", "input"], input: text })
        ["step"]?.("b", write, undefined)
        ["step"]?.("d", write, {
          needs: "input",
          when: 1,
          requires: { fair: later, "": 1 },
          onRefused: "retry",
          input: text,
        })
        ["map"]?.("e", write, { over: later, input: text, concurrency: 0, failures: "none" })
        ["branch"]?.("f", { choose: text }, () => undefined)
        ["branch"]?.("g", { choose: later }, (take: Loose) =>
          take["case"]?.("x", write, { input: text })["case"]?.("x", 1, {}),
        )
        ["repeat"]?.("h", write, { input: text, until: text, limit: 0, atLimit: "never" })
        ["subflow"]?.("i", loose(), { input: text })
        ["sleep"]?.("j", {})
        ["sleep"]?.("k", { for: "soon" })
        ["approval"]?.("l", { show: text })
        ["approval"]?.("m", { show: text, remindEvery: "0s", onTimeout: "approved" })
        ["awaitSignal"]?.("n", { timeout: "1d", onTimeout: 1 })
        ["awaitSignal"]?.("o", { contract: Doc, timeout: "1d", onTimeout: { value: { text: 1 } } })
        ["output"]?.(later),
    );
    expect(problems).toMatchInlineSnapshot(`
      [
        "The name "Letter" is not lower-case letters, digits, dashes and dots.",
        "The version "1" is not a semantic version such as "1.0.0".",
        "There is no option \`inputs\` of the workflow.",
        "The input is not a contract.",
        "The output is not a contract.",
        "The function of \`output\` is asynchronous.",
        "A step is named "input", which is the name of what the run was started with.",
        "There is no option \`need\` of step "a b".",
        "The step's name "a b" is not letters, digits, dashes and underscores.",
        "Step "a b" was not given an agent.",
        "Step "a b" has an asynchronous function \`input\`; it must answer at once.",
        "Step "b" needs "input" twice.",
        "Step "b" was given no options.",
        "Step "b" has no function \`input\`.",
        "Step "d" has \`needs\` that are not a list of names.",
        "Step "d" has no function \`when\`.",
        "Step "d" has an asynchronous function for the requirement "fair"; it must answer at once.",
        "Step "d" has a requirement without a sentence that says it.",
        "Step "d" has no function for the requirement "".",
        "Step "d" has an \`onRefused\` that is not "fail", "skip" or { sendBack, turns }.",
        "Step "e" has an asynchronous function \`over\`; it must answer at once.",
        "Step "e" has a \`concurrency\` of 0, which is not a whole number of 1 or more.",
        "Step "e" has \`failures\` that is not one of "all", "settled".",
        "Step "f" has no cases.",
        "Step "g" has an asynchronous function \`choose\`; it must answer at once.",
        "Step "g" has the case "x" twice.",
        "Case "x" of step "g" has no function \`input\`.",
        "Step "g" has a case "x" that is neither an agent nor a finished workflow.",
        "Step "h" has a \`limit\` of 0, which is not a whole number of 1 or more.",
        "Step "h" has \`atLimit\` that is not one of "fail", "last".",
        "Step "i" was not given a workflow (one that is finished, with its output).",
        "Step "j" must have either \`for\` or \`until\`.",
        "The \`for\` of step "k", "soon", is not a duration such as "5s".",
        "Step "l" has neither \`timeout\` nor \`remindEvery\`, so it could wait for ever and nobody would be told.",
        "Step "m" has \`onTimeout\` but no \`timeout\`.",
        "Step "m" has a \`remindEvery\` of 0, which would never end.",
        "Step "n" was given no contract.",
        "Step "n" has an \`onTimeout\` that is not "fail", "skip" or { value }.",
        "Step "o" has a default that breaks its contract: Invalid input: expected string, received number.",
        "Step "a" needs "b", which does not come before it.",
        "Step "a" needs "c", which is neither \`input\` nor a step.",
        "Step "a" needs "a", which does not come before it.",
        "There is more than one step "b".",
      ]
    `);
  });

  it("refuses savepoints and pivots that are none", () => {
    const wrong = [
      [{ savepoint: "yes" }, "neither true, false nor { attempts }"],
      [{ savepoint: {} }, "whole number of 0 or more"],
      [{ savepoint: { attempts: -1 } }, "whole number of 0 or more"],
      [{ savepoint: { attempts: 11 } }, "at most 10"],
      [{ savepoint: { attempts: 1, often: 2 } }, "often"],
      [{ pivot: 1 }, "neither true nor false"],
    ] as const;
    for (const [options, said] of wrong) {
      const build = () =>
        workflow("w", "1.0.0", { input: contract("n", "1.0.0", z.number()) })
          // Whoever writes JavaScript may give anything.
          .sleep("a", { for: "1h", ...(options as object) })
          .output(() => 1);
      expect(build, said).toThrow(said);
    }
  });

  it("refuses more steps than a run may have", () => {
    let builder = loose();
    for (let i = 0; i <= 100_000; i += 1)
      builder = builder["sleep"]?.(`s${i}`, { for: "1s" }) as Loose;
    expect(problemsOf(() => builder["output"]?.(() => 1))).toEqual([
      "There are 100001 steps; the limit `stepsPerRunMax` is 100000.",
    ]);
  });
});

describe("sending back", () => {
  const drafted = () => begun().step("draft", write, { input: text });
  const back = {
    needs: ["draft"],
    onRefused: { sendBack: "draft", turns: 1 },
    input: text,
  } as const;

  it("is possible where every other reader waits for the step that may refuse", () => {
    expect(
      problemsOf(() =>
        drafted()
          .step("judge", write, back)
          .step("between", write, { needs: ["judge"], input: text })
          .step("reader", write, { needs: ["draft", "between"], input: text })
          .output(() => 1),
      ),
    ).toEqual([]);
  });

  it("is refused where another step may have read the turn before", () => {
    const problems = problemsOf(() =>
      drafted()
        .step("judge", write, back)
        .step("reader", write, { needs: ["draft"], input: text })
        .output(() => 1),
    );
    expect(problems).toEqual([expect.stringContaining('step "reader" reads "draft" too')]);
  });

  it("is refused where the refusing step itself waits for another reader", () => {
    const problems = problemsOf(() =>
      drafted()
        .step("early", write, { needs: ["draft"], input: text })
        .step("judge", write, { ...back, needs: ["draft", "early"] })
        .output(() => 1),
    );
    expect(problems).toEqual([expect.stringContaining('step "early" reads "draft" too')]);
  });

  it("is refused for two judges who don't wait for each other, and for judges in a row", () => {
    const twoJudges = problemsOf(() =>
      drafted()
        .step("one", write, back)
        .step("two", write, back)
        .output(() => 1),
    );
    expect(twoJudges).toHaveLength(2);
    const inARow = problemsOf(() =>
      drafted()
        .step("one", write, back)
        .step("two", write, { ...back, needs: ["draft", "one"] })
        .output(() => 1),
    );
    expect(inARow).toEqual([
      expect.stringContaining('Step "two" may send "draft" back, but step "one"'),
    ]);
  });

  it("goes to agents' steps only, for one to ten turns", () => {
    const judged = (policy: unknown) =>
      problemsOf(() =>
        loose()
          ["map"]?.("draft", write, { over: () => [], input: text })
          ["step"]?.("judge", write, { needs: ["input", "draft"], onRefused: policy, input: text })
          ["output"]?.(() => 1),
      );
    expect(judged({ sendBack: "draft", turns: 1 })).toEqual([
      expect.stringContaining("which is a map"),
    ]);
    expect(judged({ sendBack: "input", turns: 1 })).toContainEqual(
      expect.stringContaining("which no agent produced"),
    );
    expect(judged({ sendBack: "nobody", turns: 11 })).toEqual([
      expect.stringContaining("not among its needs"),
      expect.stringContaining("11 turns"),
    ]);
  });
});

describe("parts of a workflow", () => {
  const oneStep = (name: string, version: string) =>
    workflow(name, version, { input: Doc })
      .step("one", write, { input: text })
      .output(({ one }) => one);

  it("may not be two things under one id", () => {
    const Other = contract("doc", "1.0.0", z.object({ text: z.string().max(5) }));
    const otherWrite = agent({
      name: "write",
      version: "1.0.0",
      input: Doc,
      output: Other,
      execute: text,
    });
    const problems = problemsOf(() =>
      begun()
        .step("one", write, { input: text })
        .step("two", otherWrite, { input: text })
        .subflow("three", oneStep("part", "1.0.0"), { input: text })
        .subflow("four", oneStep("part", "1.0.0"), { input: text })
        .output(() => 1),
    );
    expect(problems).toEqual([
      'There are two different agents "write@1.0.0": give one of them another version.',
      'There are two different workflows "part@1.0.0": give one of them another version.',
      'There are two different contracts "doc@1.0.0": give one of them another version.',
    ]);
  });

  it("may be one contract made twice, as long as both say the same", () => {
    const Same = contract("doc", "1.0.0", z.object({ text: z.string() }));
    expect(
      problemsOf(() => workflow("a", "1.0.0", { input: Doc, output: Same }).output(text)),
    ).toEqual([]);
  });

  it("may not be the workflow itself, however deep", () => {
    const inner = workflow("middle", "1.0.0", { input: Doc })
      .subflow("deep", oneStep("letter", "1.0.0"), { input: text })
      .output(() => 1);
    expect(
      problemsOf(() =>
        begun()
          .subflow("inner", inner, { input: text })
          .output(() => 1),
      ),
    ).toEqual([expect.stringContaining("nested in itself")]);
    expect(
      problemsOf(() =>
        workflow("letter", "2.0.0", { input: Doc })
          .subflow("inner", inner, { input: text })
          .output(() => 1),
      ),
    ).toEqual([]);
  });
});
