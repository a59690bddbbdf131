import { expect, test } from "vitest";
import type { LogLine } from "../../ports/log-sink.ts";
import { resourceOf } from "./finished-span.ts";
import { logRecord } from "./log-record.ts";

const RESOURCE = resourceOf({ "service.name": "letters" });
const LINE: LogLine = { level: "warn", message: "late", at: 1_790_000_000_123 };

test("a line of an agent has its span, its place and its data", () => {
  const line = {
    ...LINE,
    run: "r1",
    path: "a",
    turn: 0,
    attempt: 2,
    agent: "asking@1.0.0",
    traceId: "1".repeat(32),
    spanId: "2".repeat(16),
    data: { tries: 3, "baton.run": "another" },
  };
  expect(logRecord(line, RESOURCE)).toMatchObject({
    hrTime: [1_790_000_000, 123_000_000],
    spanContext: { traceId: line.traceId, spanId: line.spanId, traceFlags: 1 },
    severityNumber: 13,
    severityText: "WARN",
    body: "late",
    attributes: {
      tries: 3,
      "baton.run": "r1",
      "baton.path": "a",
      "baton.turn": 0,
      "baton.attempt": 2,
      "gen_ai.agent.name": "asking",
      "gen_ai.agent.version": "1.0.0",
    },
  });
});

test("data of any kind become text, and none of them can do harm", () => {
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  const data = {
    nested: { a: [1, "b"] },
    nothing: undefined,
    empty: null,
    large: 12n,
    circular,
    error: new TypeError("no"),
    get thrown() {
      throw new Error("a getter");
    },
    long: "x".repeat(10_000),
    function: () => 1,
  };
  const { attributes, droppedAttributesCount } = logRecord({ ...LINE, data }, RESOURCE);
  expect(attributes).toEqual({
    nested: '{"a":[1,"b"]}',
    empty: "null",
    large: "12",
    circular: "[unreadable]",
    error: "TypeError: no",
    thrown: "[unreadable]",
    long: expect.stringMatching(/^x{8192}\.\.\. \(1808 more characters\)$/),
  });
  expect(droppedAttributesCount).toBe(0);
  const hostile = new Proxy({}, { ownKeys: () => expect.fail() });
  expect(logRecord({ ...LINE, data: hostile }, RESOURCE).attributes).toEqual({});
});

test("what its data become later changes nothing of a line", () => {
  const data = { list: [1] };
  const { attributes } = logRecord({ ...LINE, data }, RESOURCE);
  data.list.push(2);
  expect(attributes).toEqual({ list: "[1]" });
});

test("a line has an end, and says how much was left out", () => {
  const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`k${i}`, i]));
  const wide = logRecord({ ...LINE, data: many }, RESOURCE);
  expect(Object.keys(wide.attributes)).toHaveLength(64);
  expect(wide.droppedAttributesCount).toBe(6);
  const large = Object.fromEntries(
    Array.from({ length: 9 }, (_, i) => [`k${i}`, "x".repeat(8_000)]),
  );
  expect(logRecord({ ...LINE, data: large }, RESOURCE).droppedAttributesCount).toBe(5);
  expect(logRecord({ ...LINE, message: "x".repeat(100_000) }, RESOURCE).body.length).toBeLessThan(
    33_000,
  );
});
