/** The document is held against the schema that the AsyncAPI project publishes. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { agent } from "../model/agent.ts";
import { choreography } from "../model/choreography.ts";
import { contract } from "../model/contract.ts";
import { on } from "../model/subscription.ts";
import { topic } from "../model/topic.ts";
import { workflow } from "../model/workflow.ts";
import { asyncApi } from "./asyncapi.ts";

const path = createRequire(import.meta.url).resolve(
  "@asyncapi/specs/schemas/3.0.0-without-$id.json",
);
const ajv = new Ajv({ strict: false, allErrors: true });
// A CommonJS module: its default export is the function.
(addFormats as unknown as (ajv: Ajv) => void)(ajv);
const isAsyncApi = ajv.compile(JSON.parse(readFileSync(path, "utf8")));

const Question = contract("question", "1.0.0", z.object({ text: z.string() }), {
  description: "What is asked",
});
const Found = topic("research.found", Question, { key: ({ text }) => text, retention: "30d" });
const Asked = topic("research.asked", Question);
const research = agent({
  name: "research",
  version: "1.0.0",
  input: Question,
  output: Question,
  execute: ({ text }) => ({ text }),
});
const report = choreography("research-report", "1.0.0", {
  starts: Asked,
  ends: Found,
  deadline: "10m",
  subscriptions: { research: on(Asked, research, { publishes: Found }) },
});
const asking = workflow("asking", "1.0.0", { input: Question })
  .emit("ask", Asked, { data: ({ input }) => input })
  .awaitEvent("found", Found, { needs: ["ask"], timeout: "1h" })
  .output(({ found }) => found);
const document = asyncApi({ title: "Research", version: "1.0.0", workflows: [report, asking] });

describe("an AsyncAPI document", () => {
  test("keeps to the published schema of AsyncAPI 3", () => {
    isAsyncApi(document);
    expect(isAsyncApi.errors ?? []).toEqual([]);
    expect(isAsyncApi({ ...document, channels: { lost: { address: 7 } } })).toBe(false);
  });

  test("has a channel for each topic, and an operation for each that publishes or takes", () => {
    expect(Object.keys(document["channels"] ?? {})).toEqual(["research.asked", "research.found"]);
    expect(Object.keys(document["operations"] ?? {}).sort()).toEqual([
      "asking.ask.send.research.asked",
      "asking.found.receive.research.found",
      "research-report.receive.research.asked",
      "research-report.receive.research.found",
      "research-report.research.receive.research.asked",
      "research-report.research.send.research.found",
      "research-report.send.research.asked",
    ]);
    expect(document["x-baton-choreographies"]).toMatchObject([
      { choreography: "research-report@1.0.0", starts: "research.asked", ends: "research.found" },
    ]);
  });

  test("refers to nothing that is not there", () => {
    const text = JSON.stringify(document);
    for (const [, pointer = ""] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      let at: unknown = document;
      for (const key of pointer.split("/")) at = Object(at)[key];
      expect(at, pointer).toBeDefined();
    }
    expect(document).toMatchObject({
      components: {
        messages: {
          "question-1.0.0": {
            name: "question@1.0.0",
            summary: "What is asked",
            payload: { schema: { properties: { text: { type: "string" } } } },
          },
        },
      },
    });
  });
});
