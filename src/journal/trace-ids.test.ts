import { expect, test } from "vitest";
import { remoteSpan, traceparentOf } from "./trace-ids.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

test("a traceparent that was made is read again", () => {
  expect(remoteSpan(traceparentOf(TRACE, SPAN))).toEqual({ traceId: TRACE, spanId: SPAN });
});

test.each([
  ["not sampled", `00-${TRACE}-${SPAN}-00`],
  ["of a later version, which may say more", `01-${TRACE}-${SPAN}-01-more`],
])("one that is %s is read", (_, header) => {
  expect(remoteSpan(header)).toEqual({ traceId: TRACE, spanId: SPAN });
});

test.each([
  ["with more than its version has", `00-${TRACE}-${SPAN}-01-more`],
  ["of the version that is forbidden", `ff-${TRACE}-${SPAN}-01`],
  ["without a trace", `00-${"0".repeat(32)}-${SPAN}-01`],
  ["without a span", `00-${TRACE}-${"0".repeat(16)}-01`],
  ["in capitals", `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ["cut short", `00-${TRACE}-${SPAN}`],
  ["with a space after it", `00-${TRACE}-${SPAN}-01 `],
  ["empty", ""],
])("one %s is passed over", (_, header) => {
  expect(remoteSpan(header)).toBeUndefined();
});
