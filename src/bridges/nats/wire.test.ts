import { expect, test } from "vitest";
import { subjectOf, filterOf, orderToken } from "./subjects.ts";
import { fromWire, toWire } from "./wire.ts";

const AT = { prefix: "baton", namespace: "team.a", topic: "research.found" };

test("a subject says namespace, topic and key; the key is one token, whatever it is", () => {
  expect(subjectOf(AT, "owls")).toBe("baton.team%2Ea.research.found.owls");
  expect(subjectOf(AT, undefined)).toBe("baton.team%2Ea.research.found._");
  expect(filterOf(AT)).toBe("baton.team%2Ea.research.found.*");
  const keys = ["a.b", "a*b", "a>b", "a b", "ä", "_", "", "~a", "x".repeat(101), "x".repeat(102)];
  const tokens = keys.map((key) => {
    const subject = subjectOf(AT, key);
    const token = subject.slice("baton.team%2Ea.research.found.".length);
    expect(token).toMatch(/^[!-)+\-/-=?-~]{1,120}$/);
    expect(orderToken(subject)).toBe(token);
    return token;
  });
  expect(new Set(tokens).size).toBe(keys.length);
  expect(orderToken(subjectOf(AT, undefined))).toBeUndefined();
});

test("attributes are headers, percent-encoded where a header can't carry them", () => {
  const attributes = {
    specversion: "1.0",
    id: "e1",
    source: "urn:x",
    type: "research.found",
    datacontenttype: "application/json",
    subject: 'a "b" 100% ä\r\nce-id: forged',
  };
  const message = { topic: "research.found", attributes, data: '{"n":1}' };
  const wire = toWire(message);
  expect(wire.headers.get("content-type")).toBe("application/json");
  expect(wire.headers.get("ce-subject")).toBe("a%20%22b%22%20100%25%20%C3%A4%0D%0Ace-id:%20forged");
  expect(fromWire("research.found", wire, undefined)).toEqual(message);
});

test("the trace is a header of its own, too, and is taken from there where the event says none", () => {
  const [own, other] = [
    `00-${"1".repeat(32)}-${"2".repeat(16)}-01`,
    `00-${"3".repeat(32)}-${"4".repeat(16)}-01`,
  ];
  const attributes = { specversion: "1.0", id: "e1", traceparent: own };
  const { headers } = toWire({ topic: "t", attributes, data: "1" });
  expect(headers.get("traceparent")).toBe(own);
  expect(headers.get("ce-traceparent")).toBe(own);
  const taken = (more: readonly (readonly [string, string])[], payload = "1") =>
    fromWire("t", { headers: new Map(more), payload }, undefined).attributes["traceparent"];
  const event = [
    ["ce-specversion", "1.0"],
    ["Traceparent", other],
  ] as const;
  expect(taken(event)).toBe(other);
  expect(taken([...event, ["ce-traceparent", own]])).toBe(own);
  expect(taken([["traceparent", other]], '{"specversion":"1.0","id":"e1"}')).toBe(other);
});

test("what says nothing of its order has that of its subject; names of headers have no case", () => {
  const headers = new Map([
    ["Ce-Specversion", "1.0"],
    ["CE-ID", "100%"],
  ]);
  expect(fromWire("t", { headers, payload: "x" }, "owls")).toEqual({
    topic: "t",
    key: "owls",
    attributes: { specversion: "1.0", id: "100%" },
    data: "x",
  });
});

test("the structured mode is read, too", () => {
  const payload = JSON.stringify({
    specversion: "1.0",
    id: "e1",
    hops: 2,
    partitionkey: "owls",
    data: { n: 1 },
  });
  expect(fromWire("t", { headers: new Map(), payload }, "elsewhere")).toEqual({
    topic: "t",
    key: "owls",
    attributes: { specversion: "1.0", id: "e1", hops: "2", partitionkey: "owls" },
    data: '{"n":1}',
  });
  expect(fromWire("t", { headers: new Map(), payload: "[1]" }, undefined)).toEqual({
    topic: "t",
    attributes: {},
    data: "[1]",
  });
});
