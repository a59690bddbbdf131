/** A model is asked by an agent, and its answer is held against the contract. */
import { agent, type BatonError, contract, jsonSchemaContract, workflow } from "baton";
import { promptAgent } from "baton/ai-sdk";
import * as v from "valibot";
import { toJsonSchema } from "@valibot/to-json-schema";
import { expect, test } from "vitest";
import { z } from "zod";
import { modelProvider } from "../support/model-provider.ts";
import { opened } from "../support/opened.ts";
import { BUG, GOOD, lastSaid, play, Ticket, triage, UNSURE, Verdict } from "../support/prompts.ts";

test("the output's contract says what the model is asked for, and what it answers is the output", async () => {
  const provider = await modelProvider(GOOD);
  const { outcome, usage, baton } = await play(
    triage(provider, {
      system: ({ text }) => `You sort tickets of ${text.length} letters.`,
      temperature: 0,
      maxOutputTokens: 100,
      seed: 7,
      topP: 0.5,
      stopSequences: ["END"],
      providerOptions: { acme: { reasoning_effort: "low" } },
      headers: { "x-team": "support" },
    }),
    {
      prices: {
        "acme-1-2026-11": { inputPerMillion: "3", outputPerMillion: "15", currency: "USD" },
      },
    },
  );
  expect(outcome).toMatchObject({ kind: "completed", output: BUG });
  const [request] = provider.requests;
  expect(request?.body).toMatchObject({
    model: "acme-1",
    messages: [
      { role: "system", content: "You sort tickets of 10 letters." },
      { role: "user", content: "Ticket: it crashes" },
    ],
    temperature: 0,
    max_tokens: 100,
    seed: 7,
    top_p: 0.5,
    stop: ["END"],
    reasoning_effort: "low",
    response_format: {
      type: "json_schema",
      json_schema: {
        name: "verdict",
        description:
          "What a ticket is about. It must hold that: confidence is at least 0.7 (/confidence).",
        schema: {
          type: "object",
          properties: { label: { enum: ["bug", "wish"] }, confidence: { type: "number" } },
          required: ["label", "confidence"],
        },
      },
    },
  });
  expect(JSON.stringify(request?.body)).not.toContain("x-baton");
  expect(request?.headers).toMatchObject({
    authorization: "Bearer secret",
    "x-team": "support",
    traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/) as string,
  });
  // The model that answered, as its provider calls it; exact decimals.
  expect(usage).toEqual([
    [
      {
        model: "acme-1-2026-11",
        inputTokens: 10,
        outputTokens: 5,
        cost: "0.000105",
        currency: "USD",
      },
    ],
  ]);
  expect((await baton.verify()).problems).toEqual([]);
});

test("a contract of a string takes the answer as it is; its rules hold for it too", async () => {
  const provider = await modelProvider({ text: "{ not JSON" }, { text: "short" });
  const Summary = contract("summary", "1.0.0", z.string().max(6));
  const summary = promptAgent({
    name: "summary",
    version: "1.0.0",
    input: Ticket,
    output: Summary,
    model: provider.model,
    prompt: ({ text }) => [
      { role: "user", content: text },
      { role: "assistant", content: "What of it?" },
    ],
  });
  const { outcome, failures } = await play(summary);
  expect(outcome).toMatchObject({ kind: "completed", output: "short" });
  expect(failures.map(({ code }) => code)).toEqual(["CONTRACT_VIOLATED"]);
  expect(provider.requests[0]?.body.response_format).toBeUndefined();
  expect(provider.requests[1]?.body.messages.map(({ role }) => role)).toEqual([
    "user",
    "assistant",
    "user",
  ]);
});

test("contracts of valibot and of JSON Schema are asked for as well, by what the provider can take", async () => {
  const answer = { text: JSON.stringify({ sensitive: "yes" }) };
  const provider = await modelProvider(answer, answer);
  const schema = v.object({ sensitive: v.string() });
  const plain = {
    type: "object",
    // A property, not our mark of the same name.
    properties: { sensitive: { type: "string", sensitive: true, enum: ["yes", "no"] } },
    required: ["sensitive"],
    additionalProperties: false,
  } as const;
  const outputs = [
    contract("catalog.valibot.answer", "1.0.0", schema, {
      // What valibot writes is a JSON Schema.
      jsonSchema: toJsonSchema(schema) as { type: "object" },
    }),
    jsonSchemaContract<{ sensitive: string }>("answer", "1.0.0", plain),
  ];
  for (const output of outputs) {
    const name = "asks";
    const { model } = provider;
    const prompt = () => "?";
    const asks = promptAgent({ name, version: "1.0.0", input: Ticket, output, model, prompt });
    const { outcome } = await play(asks);
    expect(outcome).toMatchObject({ kind: "completed", output: { sensitive: "yes" } });
  }
  const asked = provider.requests.map(({ body }) => body.response_format);
  expect(asked[0]).toMatchObject({ json_schema: { name: "catalog_valibot_answer" } });
  expect(asked[1]).toMatchObject({
    json_schema: {
      schema: { ...plain, properties: { sensitive: { type: "string", enum: ["yes", "no"] } } },
    },
  });
  expect(JSON.stringify(asked)).not.toContain('"sensitive":true');
});

test("a provider that takes no schema is named once, and the schema can stand in the prompt", async () => {
  const provider = await modelProvider(GOOD, UNSURE, GOOD);
  const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
  const model = createOpenAICompatible({ name: "acme", baseURL: provider.url })("acme-1");
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
  const first = await play(
    triage({ ...provider, model }, { system: "Be short.", schemaInPrompt: true }),
  );
  const second = await play(triage({ ...provider, model }));
  Reflect.deleteProperty(globalThis, "AI_SDK_LOG_WARNINGS");
  expect([first.outcome.kind, second.outcome.kind]).toEqual(["completed", "completed"]);
  expect(provider.requests[0]?.body.messages[0]?.content).toMatch(
    /^Be short\.\n\nAnswer with JSON alone, by this JSON Schema: \{.*"properties":\{"label":.*,"confidence":.*\}\n\nWhat a ticket is about\./,
  );
  expect(first.log.filter(({ level }) => level === "warn")).toEqual([]);
  const warnings = second.log.filter(({ level }) => level === "warn");
  expect(warnings.map(({ message }) => message)).toEqual([
    "The provider of acme-1 takes no JSON Schema: give the agent `schemaInPrompt`, or the model what it needs to take one.",
  ]);
});

test("a refused answer is a failed attempt in the journal, and the next one asks for what was wrong", async () => {
  const provider = await modelProvider({ text: "I think it is a bug." }, UNSURE, GOOD);
  const { outcome, failures, usage } = await play(triage(provider));
  expect(outcome).toMatchObject({ kind: "completed", output: BUG });
  expect(failures).toEqual([
    {
      code: "CONTRACT_VIOLATED",
      message: expect.stringMatching(
        /^The output of triage@1\.0\.0 breaks verdict@1\.0\.0: The answer is not JSON/,
      ) as string,
      violations: [
        {
          contract: "verdict@1.0.0",
          path: "",
          rule: "json",
          message: expect.stringContaining("The answer is not JSON: SyntaxError") as string,
        },
      ],
    },
    {
      code: "CONTRACT_VIOLATED",
      message:
        "The output of triage@1.0.0 breaks verdict@1.0.0: It does not hold that confidence is at least 0.7.",
      violations: [
        {
          contract: "verdict@1.0.0",
          path: "/confidence",
          rule: "confidence is at least 0.7",
          message: "It does not hold that confidence is at least 0.7.",
          value: 0.2,
        },
      ],
    },
  ]);
  expect(lastSaid(provider, 1)).toMatch(
    /^Ticket: it crashes\n\nAn earlier answer was refused:\n- the whole answer \(json\): The answer is not JSON/,
  );
  expect(lastSaid(provider, 2)).toBe(
    "Ticket: it crashes\n\nAn earlier answer was refused:\n- /confidence (confidence is at least 0.7): It does not hold that confidence is at least 0.7. Found: 0.2\n" +
      "Answer again, in full, without these faults.",
  );
  expect(usage.map((calls) => calls.length)).toEqual([1, 1, 1]);
});

test("what a later step sends back is told to the model in the next turn", async () => {
  const provider = await modelProvider(GOOD, {
    text: JSON.stringify({ ...BUG, confidence: 0.99 }),
  });
  const asks = triage(provider, { refusal: (found) => `Not so: ${found[0]?.rule ?? ""}` });
  const files = agent({
    name: "files",
    version: "1.0.0",
    input: Verdict,
    output: Verdict,
    execute: (verdict) => verdict,
  });
  const flow = workflow("flow", "1.0.0", { input: Ticket })
    .step("triage", asks, { input: ({ input }) => input })
    .step("file", files, {
      needs: ["triage"],
      input: ({ triage: verdict }) => verdict,
      requires: { "it is certain": ({ triage: verdict }) => verdict.confidence > 0.95 },
      onRefused: { sendBack: "triage", turns: 2 },
    })
    .output(({ file }) => file);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, { text: "x" });
  expect(await clock.until(run.result())).toMatchObject({ confidence: 0.99 });
  expect(lastSaid(provider, 1)).toBe("Ticket: x\n\nNot so: it is certain");
});

test("what can't be asked is refused when the agent is made, with every reason", async () => {
  const provider = await modelProvider();
  const many = contract("many", "1.0.0", z.array(z.string()));
  const dark = contract("dark", "1.0.0", {
    "~standard": { version: 1, vendor: "x", validate: (value: unknown) => ({ value }) },
  });
  const problemsOf = (make: () => unknown): unknown => {
    try {
      make();
    } catch (error) {
      return (error as BatonError).details["problems"];
    }
    return [];
  };
  const options = { name: "asks", version: "1.0.0", input: Ticket, prompt: () => "?" };
  const { model } = provider;
  expect(problemsOf(() => promptAgent({ ...options, output: many, model }))).toEqual([
    "The contract many@1.0.0 is of the type array: a model gives an object or a text.",
  ]);
  expect(problemsOf(() => promptAgent({ ...options, output: dark, model }))).toEqual([
    "The contract dark@1.0.0 has no JSON Schema, by which the model would be asked: give it `jsonSchema`.",
  ]);
  const wrong = {
    ...options,
    output: Verdict,
    model: "acme/acme-1",
    prompt: "?",
    system: 1,
    refusal: "no",
    repairs: -1,
    stepsMax: 0.5,
    readOnlyTools: ["look"],
  };
  // As whoever writes JavaScript may do it.
  expect(
    problemsOf(() => promptAgent(wrong as unknown as Parameters<typeof promptAgent>[0])),
  ).toEqual([
    "The model is none of the AI SDK 6: give what its provider gives, of the package for that version, and not its name alone.",
    "There is no function `prompt`.",
    "`system` is neither a text nor a function.",
    "`refusal` is not a function.",
    "`repairs`, -1, is not a whole number from 0 to 10.",
    "`stepsMax`, 0.5, is not a whole number from 1 to 100.",
    "There is a `stepsMax`, yet there are no `tools`: the model is asked once.",
    "There is no tool look, which `readOnlyTools` names.",
  ]);
  const bad = { ...options, output: Verdict, model, timeuot: "1s" };
  expect(problemsOf(() => promptAgent(bad))).toEqual([
    "There is no option `timeuot` of the agent.",
  ]);
});
