/** What Baton says and is told in the `_meta` of calls and answers, beside what MCP defines. */

/** Of a call: the same key of the same caller is the same run. */
export const IDEMPOTENCY_KEY = "baton/idempotency-key";
/** Of an answer: the run that was started or joined, `{ id, workflow, status }`. */
export const RUN = "baton/run";
/** Of a tool: that calls with the same key act once. */
export const JOINS = "baton/joins-by-key";
/** Where MCP has W3C Trace Context. */
export const TRACEPARENT = "traceparent";
