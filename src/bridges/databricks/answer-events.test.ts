import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../model/json.ts";
import { answerEvents, DONE } from "./answer-events.ts";
import { limitedPieces } from "../limited-body.ts";
import { limitOf } from "./too-long.ts";

/** The events that are read where a text comes in pieces cut at these bytes. */
async function eventsIn(text: string, cuts: readonly number[] = [], bytesMax = 1_000_000) {
  const bytes = new TextEncoder().encode(text);
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])];
  places.sort((a, b) => a - b);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const [index, end] of places.slice(1).entries())
        controller.enqueue(bytes.slice(places[index], end));
      controller.close();
    },
  });
  const events: (JsonObject | string)[] = [];
  const pieces = limitedPieces({ body }, limitOf("endpoint x", bytesMax));
  for await (const event of answerEvents(pieces, { from: "endpoint x", bytesMax }))
    events.push(event);
  return events;
}

const event = fc.record({
  type: fc.constant("response.output_text.delta"),
  delta: fc.string({ unit: "grapheme" }),
});
const newline = fc.constantFrom("\n", "\r\n", "\r");

describe("events of a streamed answer", () => {
  test("are the same however the bytes are cut, whatever ends lines", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 8 }),
        newline,
        fc.array(fc.nat(), { maxLength: 40 }),
        async (events, end, cuts) => {
          const lines = events.map(
            (each) => `: comment${end}event: x${end}data: ${JSON.stringify(each)}${end}${end}`,
          );
          const read = await eventsIn(`${lines.join("")}data: [DONE]${end}${end}`, cuts);
          expect(read).toEqual([...events, DONE]);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("of a text that is cut off are those before the cut, and never another", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 1, maxLength: 5 }),
        fc.nat(),
        async (events, at) => {
          const text = events.map((each) => `data: ${JSON.stringify(each)}\n\n`).join("");
          const read = await eventsIn(text.slice(0, at % text.length));
          expect(events.slice(0, read.length)).toEqual(read);
          expect(read.length).toBeLessThanOrEqual(events.length);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("come with [DONE] though nothing is behind it", async () => {
    expect(await eventsIn("data: {}\n\ndata: [DONE]")).toEqual([{}, DONE]);
  });

  test("that are no JSON are refused", async () => {
    await expect(eventsIn("data: nonsense\n\ndata: {}\n\n")).rejects.toMatchObject({
      code: "REMOTE_ANSWER_INVALID",
    });
  });

  test("that are too long, one or all together, are refused", async () => {
    const long = `data: ${JSON.stringify({ delta: "x".repeat(200) })}\n\n`;
    await expect(eventsIn(long, [], 100)).rejects.toMatchObject({ code: "VALUE_TOO_LARGE" });
    await expect(eventsIn(long.repeat(9), [], 1_000)).rejects.toMatchObject({
      code: "VALUE_TOO_LARGE",
    });
  });
});
