/** Tools that a model calls: what they do is done once, whatever becomes of the attempt. */
import { type ToolSet, tool } from "ai";
import { type Agent, type BatonError, memory, workflow } from "baton";
import { idempotencyKeyOf } from "baton/ai-sdk";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type ModelAnswer, type ModelProvider, modelProvider } from "../support/model-provider.ts";
import { type Life, nextLife } from "../support/mortal.ts";
import { entriesOf, gate } from "../support/opened.ts";
import {
  BUG,
  GOOD,
  lastSaid,
  type More,
  play,
  Ticket,
  triage,
  UNSURE,
} from "../support/prompts.ts";

/** A tool that files a ticket, and notes the key that it was given each time. */
function filing(
  keys: string[],
  give: (no: number) => unknown = (no) => ({ id: `t-${no}` }),
): ToolSet {
  return {
    file: tool({
      description: "Files a ticket.",
      inputSchema: z.object({ title: z.string() }),
      execute: (_input, options) => {
        keys.push(idempotencyKeyOf(options));
        return give(keys.length);
      },
    }),
  };
}

const files = (title = "crash"): ModelAnswer => ({ tools: [["file", { title }]] });

function toldTheModel(provider: ModelProvider, request: number): unknown {
  const messages = provider.requests[request]?.body.messages ?? [];
  return messages.filter(({ role }) => role === "tool").map(({ content }) => content);
}

async function oncesOf(played: { readonly baton: Life["baton"] }): Promise<readonly unknown[]> {
  const entries = await entriesOf(played.baton, "r");
  return entries.flatMap(({ kind, payload }) => (kind === "once.recorded" ? [payload] : []));
}

describe("a tool", () => {
  test("is called, the model hears what it gave, and every call of the model is counted", async () => {
    const keys: string[] = [];
    const provider = await modelProvider(files(), { ...GOOD, tokens: [40, 6] });
    const played = await play(triage(provider, { tools: filing(keys), stream: true }));
    expect(played.outcome).toMatchObject({ kind: "completed", output: BUG });
    expect(provider.requests[0]?.body).toMatchObject({
      tools: [{ function: { name: "file", description: "Files a ticket." } }],
    });
    expect(toldTheModel(provider, 1)).toEqual(['{"id":"t-1"}']);
    const model = "acme-1-2026-11";
    expect(played.usage).toEqual([
      [
        { model, inputTokens: 10, outputTokens: 5 },
        { model, inputTokens: 40, outputTokens: 6 },
      ],
    ]);
    const told = played.chunks.map(([, chunk]) => chunk);
    expect(told.slice(0, 2)).toEqual([
      { kind: "toolCall", call: 1, tool: "file", input: { title: "crash" } },
      { kind: "toolResult", call: 1, tool: "file", output: { id: "t-1" } },
    ]);
    expect(told.at(-1)).toEqual({ kind: "partial", call: 2, value: BUG });
    expect(played.log.map(({ message }) => message)).toContain("The model calls file.");
    expect(await oncesOf(played)).toHaveLength(1);
  });

  test("acts once over all attempts that call it with the same arguments, and again for others", async () => {
    const keys: string[] = [];
    const provider = await modelProvider(files(), UNSURE, files(), files("freeze"), GOOD);
    const { outcome } = await play(triage(provider, { tools: filing(keys) }));
    expect(outcome.kind).toBe("completed");
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(2);
    expect(toldTheModel(provider, 4)).toEqual(['{"id":"t-1"}', '{"id":"t-2"}']);
  });

  test("acts as often as one attempt calls it, also with the same arguments, side by side too", async () => {
    const keys: string[] = [];
    const twice: ModelAnswer = {
      tools: [
        ["file", { title: "crash" }],
        ["file", { title: "crash" }],
      ],
    };
    const provider = await modelProvider(twice, UNSURE, twice, files(), GOOD);
    const { outcome } = await play(triage(provider, { tools: filing(keys) }));
    expect(outcome.kind).toBe("completed");
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(3);
  });

  test("that only reads is called each time, and nothing is recorded of it", async () => {
    let looks = 0;
    const tools = {
      look: tool({
        inputSchema: z.object({}),
        execute: (_input, options) => {
          looks += 1;
          expect(() => idempotencyKeyOf(options)).toThrow("it has no idempotency key");
          return looks;
        },
      }),
    };
    const look: ModelAnswer = { tools: [["look", {}]] };
    const provider = await modelProvider(look, UNSURE, look, GOOD);
    const played = await play(triage(provider, { tools, readOnlyTools: ["look"] }));
    expect(played.outcome.kind).toBe("completed");
    expect(looks).toBe(2);
    expect(await oncesOf(played)).toEqual([]);
  });

  test("that throws is told to the model, which may call it again", async () => {
    const keys: string[] = [];
    const tools = filing(keys, (no) => {
      if (no === 1) throw new Error("the tracker is shut");
      return "filed";
    });
    const provider = await modelProvider(files(), files(), GOOD);
    const played = await play(triage(provider, { tools }));
    expect(played.outcome.kind).toBe("completed");
    expect(toldTheModel(provider, 2)).toEqual(["the tracker is shut", "filed"]);
    expect(await oncesOf(played)).toHaveLength(1);
  });

  test("gives what JSON makes of it: a date its text, nothing null, a stream its last", async () => {
    const given = [
      new Date(0),
      undefined,
      { a: 1, b: undefined },
      (async function* () {
        yield "half";
        yield "whole";
      })(),
    ];
    const titles = ["a", "b", "c", "d"];
    const provider = await modelProvider(...titles.map(files), GOOD);
    const tools = filing([], (no) => given[no - 1]);
    const { outcome } = await play(triage(provider, { tools }));
    expect(outcome.kind).toBe("completed");
    expect(toldTheModel(provider, 4)).toEqual([
      "1970-01-01T00:00:00.000Z",
      "null",
      '{"a":1}',
      "whole",
    ]);
  });

  test("whose result can't be recorded ends the attempt for good: nobody may go on from it", async () => {
    for (const stream of [false, true]) {
      const keys: string[] = [];
      const provider = await modelProvider(files(), GOOD, GOOD);
      const tools = filing(keys, () => 1n);
      const { outcome } = await play(triage(provider, { tools, stream }));
      expect(outcome).toMatchObject({ kind: "failed", error: { code: "VALUE_NOT_JSON" } });
      expect(keys).toHaveLength(1);
      expect(provider.requests).toHaveLength(1);
    }
  });

  test("can't keep a model from coming to its end", async () => {
    const provider = await modelProvider(files("a"), files("b"), files("c"));
    const { outcome } = await play(triage(provider, { tools: filing([]), stepsMax: 2 }));
    expect(outcome).toMatchObject({
      kind: "failed",
      error: { code: "MODEL_CUT_SHORT", message: "acme-1 still called tools in its last step." },
    });
    expect(provider.requests).toHaveLength(2);
  });

  test("makes its agent one that acts, unless it only reads", async () => {
    const provider = await modelProvider();
    const tools = filing([]);
    expect(triage(provider).sideEffects).toBe(false);
    expect(triage(provider, { tools }).sideEffects).toBe(true);
    expect(triage(provider, { tools, readOnlyTools: ["file"] }).sideEffects).toBe(false);
    expect(triage(provider, { tools, sideEffects: false }).sideEffects).toBe(false);
  });

  test("that nobody would call, or that asks for approval, is refused with its agent", async () => {
    const provider = await modelProvider();
    const inputSchema = z.object({});
    const tools = {
      shown: tool({ inputSchema, outputSchema: z.string() }),
      asks: tool({ inputSchema, execute: () => 1, needsApproval: true }),
    };
    let problems: unknown;
    try {
      triage(provider, { tools });
    } catch (error) {
      problems = (error as BatonError).details["problems"];
    }
    expect(problems).toEqual([
      "The tool shown has no `execute`: nobody would call it.",
      "The tool asks needs approval: make what it does a step behind an approval.",
    ]);
  });
});

describe("a process that dies", () => {
  const flowOf = (asks: Agent<{ text: string }, unknown>) =>
    workflow("flow", "1.0.0", { input: Ticket })
      .step("a", asks, { input: ({ input }) => input })
      .output(({ a }) => a);

  /** A process that runs the agent, and begins the run `r` if it is not there. */
  async function live(
    provider: ModelProvider,
    store: ReturnType<typeof memory>,
    more: (process: Life["process"]) => More,
    before?: Life,
  ) {
    let flow: ReturnType<typeof flowOf> | undefined;
    const life = await nextLife(store, before?.clock, (process) => {
      flow = flowOf(triage(provider, more(process)));
      return { workflows: [flow] };
    });
    if (flow === undefined) throw new Error("it was not opened");
    const run = await life.clock.until(life.baton.start(flow, { text: "x" }, { id: "r" }));
    return { ...life, run };
  }

  test("after a tool's effect was recorded does not lead to another one", async () => {
    const keys: string[] = [];
    const asked = gate();
    const provider = await modelProvider(files(), { silent: () => asked.open() }, files(), GOOD);
    const store = memory();
    const tools = filing(keys);
    const first = await live(provider, store, () => ({ tools }));
    // The model was told what the tool gave, and has not answered.
    await asked.promise;
    first.process.kill();
    const second = await live(provider, store, () => ({ tools }), first);
    expect(await second.clock.until(second.run.outcome())).toMatchObject({ kind: "completed" });
    expect(keys).toHaveLength(1);
    expect(toldTheModel(provider, 3)).toEqual(['{"id":"t-1"}']);
    await second.clock.until(second.baton.close());
  });

  test("between the effect and its record leads to another call with the same key, for the outside system to know it by", async () => {
    const keys: string[] = [];
    const acted = gate();
    const provider = await modelProvider(files(), files(), GOOD);
    const store = memory();
    const first = await live(provider, store, (process) => ({
      tools: filing(keys, () => {
        process.kill();
        acted.open();
        return "filed";
      }),
    }));
    await acted.promise;
    const second = await live(provider, store, () => ({ tools: filing(keys) }), first);
    expect(await second.clock.until(second.run.outcome())).toMatchObject({ kind: "completed" });
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
    expect(lastSaid(provider, 1)).toBe("Ticket: x");
    await second.clock.until(second.baton.close());
  });
});
