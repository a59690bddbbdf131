import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { agent } from "./agent.ts";
import { contract, rule } from "./contract.ts";
import { graphDifference } from "./graph-difference.ts";
import { graphOf, manifestOf } from "./manifest.ts";
import { workflow } from "./workflow.ts";
import { workflowGraph } from "./workflow-graph.ts";

interface Variant {
  readonly version?: string;
  readonly max?: number;
  readonly rules?: readonly string[];
  readonly needs?: readonly ["score"] | readonly ["score", "input"];
  readonly agentVersion?: string;
  readonly agentName?: string;
  readonly attempts?: number;
  readonly added?: boolean;
  readonly otherCase?: boolean;
}

const Doc = contract("doc", "1.0.0", z.object({ text: z.string() }));
const text = () => ({ text: "x" });
const nested = workflow("nested", "1.0.0", { input: Doc }).output(text);

function built(variant: Variant = {}) {
  const { max = 850, rules = ["it is confident"], needs = ["score"] as const } = variant;
  const Score = contract("score", "1.0.0", z.object({ score: z.number().max(max) }), {
    rules: rules.map((name) => rule(name, () => true)),
  });
  const score = agent({
    name: variant.agentName ?? "score",
    version: variant.agentVersion ?? "1.0.0",
    input: Doc,
    output: Score,
    retry: { attempts: variant.attempts ?? 3 },
    execute: () => ({ score: 1 }),
  });
  const write = agent({ name: "write", version: "1.0.0", input: Doc, output: Doc, execute: text });
  const base = workflow("credit", variant.version ?? "1.0.0", { input: Doc, output: Doc })
    .step("score", score, { input: text })
    .step("risk", write, {
      needs,
      when: () => true,
      requires: { "the score is fresh": () => true },
      onRefused: { sendBack: "score", turns: 2 },
      input: text,
    })
    .branch("way", { needs: ["risk"], choose: (): "a" | "b" => "a" }, (take) =>
      take
        .case("a", write, { input: text })
        .case("b", variant.otherCase === true ? write : nested, { input: text }),
    )
    .approval("sign", { needs: ["way"], show: () => null, timeout: "1h", onTimeout: "refused" });
  const all = variant.added === true ? base.sleep("pause", { for: "1h" }) : base;
  return all.output(text);
}

describe("manifestOf", () => {
  it("pins deadlines and heartbeats, where there are any", () => {
    const made = (bounded: boolean) => {
      const beating = agent({
        name: "beating",
        version: "1.0.0",
        input: Doc,
        output: Doc,
        ...(bounded ? { heartbeat: "30s" as const } : {}),
        execute: text,
      });
      const options = { input: Doc, ...(bounded ? { deadline: "2h" as const } : {}) };
      return manifestOf(
        workflow("bounded", "1.0.0", options)
          .step("a", beating, { input: text, ...(bounded ? { deadline: "10m" as const } : {}) })
          .output(text),
      );
    };
    expect(made(true)).toMatchObject({
      workflows: { "bounded@1.0.0": { deadlineMs: 7_200_000, steps: [{ deadlineMs: 600_000 }] } },
      agents: { "beating@1.0.0": { heartbeatMs: 30_000 } },
    });
    expect(JSON.stringify(made(false))).not.toMatch(/deadline|heartbeat/);
  });

  it("pins versions, contracts and the policies that decide", () => {
    const manifest = manifestOf(built());
    expect(manifest).toMatchObject({
      format: 1,
      workflow: "credit@1.0.0",
      agents: {
        "score@1.0.0": {
          input: "doc@1.0.0",
          output: "score@1.0.0",
          attempts: 3,
          timeoutMs: null,
          sideEffects: false,
        },
      },
      contracts: {
        "score@1.0.0": { schema: { type: "object" }, rules: ["it is confident"] },
      },
      workflows: {
        "nested@1.0.0": { input: "doc@1.0.0", output: null, steps: [] },
        "credit@1.0.0": {
          input: "doc@1.0.0",
          output: "doc@1.0.0",
          steps: [
            { name: "score", kind: "agent", needs: ["input"], agent: "score@1.0.0" },
            {
              name: "risk",
              conditional: true,
              requires: ["the score is fresh"],
              onRefused: { kind: "sendBack", to: "score", turns: 2 },
            },
            {
              name: "way",
              cases: { a: { agent: "write@1.0.0" }, b: { workflow: "nested@1.0.0" } },
            },
            { name: "sign", timeoutMs: 3_600_000, remindEveryMs: null, onTimeout: "refused" },
          ],
        },
      },
    });
  });

  it("is the same for the same definition built again, and another for another policy or agent version", () => {
    const text = (variant?: Variant) => JSON.stringify(manifestOf(built(variant)));
    expect(text()).toBe(text());
    expect(text({ attempts: 4 })).not.toBe(text());
    expect(text({ agentVersion: "1.0.1" })).not.toBe(text());
  });
});

describe("savepoints and pivots", () => {
  const flow = (more: object) =>
    workflow("flow", "1.0.0", { input: Doc })
      .sleep("pause", { for: "1h", ...more })
      .output(text);
  const stepOf = (more: object) => JSON.stringify(manifestOf(flow(more))["workflows"]);

  it("are pinned, and the graph under a version may get them", () => {
    expect(stepOf({ savepoint: true })).toContain('"savepoint":{"attempts":1}');
    expect(stepOf({ pivot: true })).toContain('"pivot":true');
    for (const more of [{ savepoint: false }, { pivot: false }])
      expect(stepOf(more)).toBe(stepOf({}));
    expect(graphDifference(graphOf(flow({})), graphOf(flow({ pivot: true })))).toEqual([]);
  });

  it("are shown in the graph for drawing", () => {
    const node = workflowGraph(flow({ savepoint: true, pivot: true })).nodes[1];
    expect(node).toMatchObject({ id: "pause", savepoint: true, pivot: true });
  });
});

describe("graphOf and graphDifference", () => {
  const difference = (variant: Variant) =>
    graphDifference(graphOf(built()), graphOf(built(variant)));

  it("don't see what may change under one version: agent versions and policies", () => {
    expect(difference({})).toEqual([]);
    expect(difference({ agentVersion: "1.0.1", attempts: 9 })).toEqual([]);
  });

  it("find a difference exactly where the canonical graphs differ", () => {
    const variants = fc.record(
      {
        max: fc.constantFrom(850, 900),
        rules: fc.subarray(["it is confident", "it is fresh"]),
        needs: fc.constantFrom(["score"] as const, ["score", "input"] as const),
        agentVersion: fc.constantFrom("1.0.0", "2.0.0"),
        agentName: fc.constantFrom("score", "rate"),
        attempts: fc.constantFrom(1, 3),
        added: fc.boolean(),
        otherCase: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(variants, variants, (one, other) => {
        const [before, after] = [graphOf(built(one)), graphOf(built(other))];
        const same = JSON.stringify(before) === JSON.stringify(after);
        expect(graphDifference(before, after).length === 0).toBe(same);
      }),
    );
  });

  it("name what changed, in sentences", () => {
    expect(difference({ needs: ["score", "input"] })).toEqual([
      "step risk: needs changed from [score] to [input, score]",
    ]);
    expect(difference({ agentName: "rate" })).toEqual([
      "step score: agent changed from score to rate",
    ]);
    expect(difference({ max: 900 })).toEqual([
      "contract score@1.0.0: schema at /properties/score/maximum changed from 850 to 900",
    ]);
    expect(difference({ rules: [] })).toContainEqual(
      "contract score@1.0.0: rules changed from [it is confident] to []",
    );
    expect(difference({ added: true })).toEqual(["step pause: added"]);
    expect(graphDifference(graphOf(built({ added: true })), graphOf(built()))).toEqual([
      "step pause: removed",
    ]);
    expect(difference({ otherCase: true })).toEqual([
      "step way: case b: target changed from workflow nested@1.0.0 to agent write",
    ]);
    expect(difference({ version: "1.1.0" })).toEqual([
      "workflow changed from credit@1.0.0 to credit@1.1.0",
    ]);
  });
});

describe("workflowGraph", () => {
  it("has the input, the steps and the output, and an edge for each need", () => {
    const { nodes, edges } = workflowGraph(built());
    expect(nodes.map(({ id, kind }) => [id, kind])).toEqual([
      ["run:input", "input"],
      ["score", "agent"],
      ["risk", "agent"],
      ["way", "branch"],
      ["sign", "approval"],
      ["run:output", "output"],
    ]);
    expect(edges).toEqual([
      { from: "run:input", to: "score", kind: "needs" },
      { from: "score", to: "risk", kind: "needs" },
      { from: "risk", to: "score", kind: "sendBack" },
      { from: "risk", to: "way", kind: "needs" },
      { from: "way", to: "sign", kind: "needs" },
      { from: "sign", to: "run:output", kind: "output" },
    ]);
    expect(nodes[2]).toMatchObject({
      optional: true,
      requires: ["the score is fresh"],
      agents: ["write@1.0.0"],
    });
    expect(nodes[3]).toMatchObject({
      cases: ["a", "b"],
      workflows: ["nested@1.0.0"],
      optional: false,
    });
  });
});
