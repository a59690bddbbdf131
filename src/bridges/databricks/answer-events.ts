/** The events of a streamed answer (server-sent events), however the connection cut them into pieces. */
import type { EventSourceMessage } from "eventsource-parser";
import { BatonError } from "../../model/errors.ts";
import { isObject } from "./fields.ts";
import { tooLong } from "./too-long.ts";
import type { JsonObject } from "../../model/json.ts";
import { loadParser } from "./packages.ts";

/** What the other side sends when it has nothing more to say. */
export const DONE = "[DONE]";

/**
 * The events in order; ends with {@link DONE}, or where the pieces end, whichever comes first.
 * @throws BatonError REMOTE_ANSWER_INVALID for what is no JSON object, VALUE_TOO_LARGE, DEPENDENCY_MISSING; what `pieces` throws
 */
export async function* answerEvents(
  pieces: AsyncIterable<string>,
  { from, bytesMax }: { readonly from: string; readonly bytesMax: number },
): AsyncGenerator<JsonObject | typeof DONE, void, undefined> {
  const { createParser } = await loadParser();
  let heard: EventSourceMessage[] = [];
  let tooMuch = false;
  const parser = createParser({
    maxBufferSize: bytesMax,
    onEvent: (event) => heard.push(event),
    onError: ({ type }) => {
      tooMuch ||= type === "max-buffer-size-exceeded";
    },
  });
  for await (const piece of pieces) {
    parser.feed(piece);
    if (tooMuch) throw tooLong(from, bytesMax);
    const events = heard;
    heard = [];
    for (const { data } of events) {
      if (data.trim() === DONE) return yield DONE;
      const event = objectIn(data);
      if (event === undefined)
        throw new BatonError("REMOTE_ANSWER_INVALID", `The ${from} sent an event that is no JSON.`);
      yield event;
    }
  }
  // The last line may lack the empty one behind it. What was cut off in the middle is no JSON, and is nothing.
  parser.feed("\n\n");
  for (const { data } of heard) {
    const event = data.trim() === DONE ? DONE : objectIn(data);
    if (event !== undefined) yield event;
  }
}

function objectIn(data: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
