/** The served side, over real HTTP: answers as a stream. */
import { responsesAgent } from "baton/databricks";
import { virtualClock } from "baton/testing";
import { describe, expect, test } from "vitest";
import { answered, eventsOf, post, refused, servedAt } from "../support/served-agent.ts";
import {
  ADA,
  asked,
  openedBaton,
  rated,
  rating,
  shouting,
  waiting,
} from "../support/served-workflows.ts";

describe("a stream", () => {
  test("tells of the journal, then the message, then the end", async () => {
    const { url } = await rated();
    const body = { input: [], custom_inputs: { input: ADA, run_id: "ada" }, stream: true };
    const response = await post(`${url}/responses`, body);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const events = await eventsOf(response);
    expect(events.map(({ type }) => type)).toEqual([
      "response.created",
      "response.in_progress",
      "response.in_progress",
      "response.in_progress",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
      "responses.completed",
    ]);
    expect(events.map((event) => event["sequence_number"])).toEqual(events.map((_, at) => at));
    expect(events[3]).toMatchObject({
      custom_outputs: { run: "ada", entry: { seq: 1, kind: "step.sealed", path: "grade" } },
    });
    // The values stay in the journal.
    expect(JSON.stringify(events.slice(0, 5))).not.toContain("4200");
    const whole = await answered(await post(`${url}/responses`, { ...body, stream: false }));
    expect(events.at(-2)).toMatchObject({ response: whole });
  });

  test("passes on what a step streams, and not what an attempt said that came after", async () => {
    const opened = await openedBaton();
    const url = await servedAt(responsesAgent(opened, shouting, { deltas: "shout" }));
    const loud = await eventsOf(await post(`${url}/responses`, { input: "hey", stream: true }));
    const deltas = loud.filter(({ type }) => type === "response.output_text.delta");
    expect(deltas.map((event) => event["delta"]).join("")).toBe("HEY");
    const other = await servedAt(responsesAgent(opened, rating, { deltas: "grade" }));
    const body = { input: [], custom_inputs: { input: { name: "Bob", income: 1 } }, stream: true };
    const events = await eventsOf(await post(`${other}/responses`, body));
    const said = events.filter(({ type }) => type === "response.output_text.delta");
    expect("try 1: looking").toContain(said.map((event) => event["delta"]).join(""));
    expect(events.find(({ type }) => type === "response.output_item.done")).toMatchObject({
      item: { content: [{ text: '{"grade":"B"}' }] },
    });
  });

  test("of a run that fails ends with its error", async () => {
    const { url } = await rated();
    const body = { input: [], custom_inputs: { input: { ...ADA, name: "Eve" } }, stream: true };
    const events = await eventsOf(await post(`${url}/responses`, body));
    expect(events.slice(-2)).toMatchObject([
      { type: "error", code: "RUN_FAILED", custom_outputs: { status: "failed" } },
      { type: "response.failed", response: { status: "failed", output: [] } },
    ]);
  });

  test("is kept alive while nothing happens", async () => {
    const clock = virtualClock();
    const opened = await openedBaton();
    const url = await servedAt(responsesAgent(opened, asked, { clock, wait: "10m" }));
    const body = { input: [], custom_inputs: { input: ADA, run_id: "ada" }, stream: true };
    const response = await post(`${url}/responses`, body);
    await waiting(opened, "ada");
    for (let at = 0; at < 40; at += 1) {
      await clock.advance(15_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const text = await response.text();
    // Where the reader has not taken what is there, nothing is added to it.
    expect(text.match(/^: keep-alive$/gm)?.length).toBeGreaterThan(0);
    expect(text).toMatch(/event: response\.incomplete\n.*\n\ndata: \[DONE\]\n\n$/);
  });

  test("that nobody reads gives its place free once it has waited", async () => {
    const clock = virtualClock();
    const opened = await openedBaton();
    const serve = responsesAgent(opened, asked, { clock, wait: "60s", requestsMax: 1 });
    const ask = async (stream: boolean) => {
      const body = { input: [], custom_inputs: { input: ADA, run_id: "ada" }, stream };
      const init = { method: "POST", body: JSON.stringify(body) };
      return await serve(new Request("http://agent/responses", init));
    };
    const unread = await ask(true);
    await clock.advance(69_000);
    expect((await ask(false)).status).toBe(429);
    await clock.advance(1_000);
    const reading = ask(true);
    expect((await reading).status).toBe(200);
    await expect(unread.text()).rejects.toThrow("Nobody has read");
    // Whoever is slow, and still takes it, is given all of it.
    const reader = (await reading).body?.getReader();
    await clock.advance(60_000);
    const pieces: string[] = [];
    for (;;) {
      const piece = await reader?.read();
      if (piece?.done !== false) break;
      pieces.push(new TextDecoder().decode(piece.value));
      await clock.advance(9_000);
    }
    expect(pieces.join("")).toMatch(/event: response\.incomplete\n.*\n\ndata: \[DONE\]\n\n$/);
  });

  test("whose reader leaves lets the run go on, and gives its place free", async () => {
    const opened = await openedBaton();
    const url = await servedAt(responsesAgent(opened, asked, { requestsMax: 1 }));
    const body = { input: [], custom_inputs: { input: ADA, run_id: "ada" }, stream: true };
    const leaving = new AbortController();
    const { body: stream } = await fetch(`${url}/responses`, {
      method: "POST",
      body: JSON.stringify(body),
      signal: leaving.signal,
    });
    await stream?.getReader().read();
    const busy = await post(`${url}/responses`, { ...body, stream: false });
    expect(busy.headers.get("retry-after")).toBe("1");
    expect(await refused(busy)).toMatchObject({
      status: 429,
      code: "OVERLOADED",
      type: "rate_limit_error",
    });
    leaving.abort();
    await waiting(opened, "ada");
    await opened.approve("ada", "consent", { approved: true, by: { kind: "person", id: "grace" } });
    for (;;) {
      const answer = await post(`${url}/responses`, { ...body, stream: false });
      if (answer.status === 429) continue;
      expect(await answered(answer)).toMatchObject({ status: "completed" });
      return;
    }
  });
});
