import { CloudEvent, HTTP } from "cloudevents";
import { expect, test } from "vitest";
import type { RecordedEvent } from "../../model/recorded-event.ts";
import { cloudEvent } from "./cloud-event.ts";

const EVENT: RecordedEvent = {
  id: "r@3",
  topic: "research.findings",
  contract: "finding@1.0.0",
  key: "owls",
  correlation: "r",
  causation: "r@1",
  hops: 1,
  at: 1_700_000_000_000,
  by: { kind: "engine", id: "baton" },
  path: "research#1",
  namespace: "default",
  stream: "run/r/deep#1",
  seq: 3,
  position: 17,
  traceId: "0af7651916cd43dd8448eb211c80319c",
  data: { text: "owls are silent" },
};

test("an event of the journal is a CloudEvent 1.0, with all that it belongs to", () => {
  const event = cloudEvent(EVENT);
  expect(new CloudEvent({ ...event }).validate()).toBe(true);
  expect(event).toEqual({
    specversion: "1.0",
    id: "r@3",
    source: "/baton/default/run/r/deep%231",
    type: "research.findings",
    subject: "owls",
    time: "2023-11-14T22:13:20.000Z",
    datacontenttype: "application/json",
    dataschema: "baton:contract/finding@1.0.0",
    correlationid: "r",
    causationid: "r@1",
    traceparent: expect.stringMatching(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/),
    partitionkey: "owls",
    sequence: "0000000000000017",
    hops: 1,
    data: { text: "owls are silent" },
  });
});

test("what has no key and no cause says nothing of them", () => {
  const { key: _, causation: __, ...rest } = EVENT;
  for (const absent of ["subject", "partitionkey", "causationid"])
    expect(cloudEvent(rest)).not.toHaveProperty(absent);
});

test("it goes over HTTP and comes back the same", () => {
  const back = HTTP.toEvent(HTTP.structured(new CloudEvent({ ...cloudEvent(EVENT) })));
  expect(back).toBeInstanceOf(CloudEvent);
  expect(JSON.parse(JSON.stringify(back))).toEqual(cloudEvent(EVENT));
});

test("one that came over a bus keeps the span in which it was published", () => {
  const event = { ...EVENT, spanId: "b7ad6b7169203331" };
  expect(cloudEvent(event).traceparent).toBe(`00-${EVENT.traceId}-b7ad6b7169203331-01`);
});
