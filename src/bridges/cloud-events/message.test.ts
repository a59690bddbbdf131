import { expect, test } from "vitest";
import { eventSpanId } from "../../journal/trace-ids.ts";
import type { RecordedEvent } from "../../model/recorded-event.ts";
import { busCodec } from "./message.ts";

const EVENT: RecordedEvent = {
  id: "web/1@3",
  topic: "research.findings",
  contract: "finding@1.0.0",
  key: "owls",
  correlation: "web/1",
  causation: "web/1@1",
  hops: 4,
  at: 1_700_000_000_000,
  by: { kind: "engine", id: "baton" },
  path: "research#1",
  namespace: "default",
  stream: "run/web/1",
  seq: 3,
  position: 17,
  traceId: "0af7651916cd43dd8448eb211c80319c",
  data: { text: "owls are silent" },
};
const shop = busCodec("shop");

test("an event of a run goes out and comes in with all that it belongs to, under an id of its own", () => {
  const message = shop.encode({ event: EVENT, choreography: "report" });
  expect(message).toMatchObject({ topic: EVENT.topic, key: "owls" });
  expect(busCodec("other").decode(message)).toEqual({
    kind: "event",
    id: "shop+web/1@3",
    source: "//shop/baton/default/run/web/1",
    correlation: "web/1",
    causation: "shop+web/1@1",
    hops: 4,
    traceId: EVENT.traceId,
    spanId: eventSpanId(EVENT.id),
    choreography: "report",
    data: EVENT.data,
  });
});

test("who has published a message knows where; others don't", () => {
  const message = shop.encode({ event: EVENT });
  expect(shop.ownPlace(message)).toEqual({ stream: "run/web/1", seq: 3 });
  expect(busCodec("sho").ownPlace(message)).toBeUndefined();
  const outside = { ...EVENT, id: "e1", stream: "event/e1", seq: 0 };
  expect(shop.ownPlace(shop.encode({ event: outside }))).toEqual({ stream: "event/e1", seq: 0 });
});

test("ids that publishers chose, and those that came over a bus, stay as they are", () => {
  const { causation: _, ...rest } = EVENT;
  const chosen = { ...rest, id: "e1", stream: "event/e1", causation: "other+web/2@7" };
  const { attributes } = shop.encode({ event: chosen });
  expect(attributes).toMatchObject({ id: "e1", causationid: "other+web/2@7" });
  const origin = { source: "//other/baton/default/run/web/2", choreography: "report" };
  const again = shop.encode({
    event: { ...rest, id: "other+web/2@7", stream: "event/other+web/2@7" },
    origin,
  });
  expect(again.attributes).toMatchObject({ id: "other+web/2@7", ...origin });
  expect(shop.ownPlace(again)).toBeUndefined();
});
