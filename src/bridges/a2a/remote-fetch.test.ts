import { expect, test } from "vitest";
import { site } from "../../../test/support/a2a.ts";
import { remoteFetch } from "./remote-fetch.ts";

const STREAM = "text/event-stream";
const LONG = "x".repeat(2_000);

test.each([
  ["what was asked for as a stream, and is one", STREAM, 200, `${STREAM}; charset=utf-8`, LONG],
  ["an answer that calls itself a stream", "application/json", 200, STREAM, "VALUE_TOO_LARGE"],
  ["an error in place of a stream", STREAM, 404, STREAM, "VALUE_TOO_LARGE"],
  ["an answer in place of a stream", STREAM, 200, "application/json", "VALUE_TOO_LARGE"],
])("of %s, no more is read than it may have", async (_, accept, status, type, read) => {
  const at = await site();
  at.answer(() => new Response(LONG, { status, headers: { "content-type": type } }));
  const fetching = remoteFetch({ auth: undefined, headers: {}, bytesMax: 1_000 });
  const response = await fetching(at.url, { headers: { accept } });
  const text = await response.text().catch((error: { readonly code: string }) => error.code);
  expect(text).toBe(read);
});
