/** Messages that were not taken, recorded with the evidence: what came over the bus, or was to leave over it. */
import { sha256Hex } from "../../journal/hash.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import { ENGINE } from "../../decide/turn.ts";
import type { Fact } from "../../model/entry.ts";
import { type RefusedMessage, refusedStream } from "../../model/event-facts.ts";
import type { BusMessage } from "../../ports/bus.ts";

import type { Core } from "./core.ts";
import { commitAlone } from "./stream-journal.ts";

/** Attributes and their values may be of any length; what people need of them is short. */
const ATTRIBUTES_MAX = 40;
const ATTRIBUTE_LENGTH_MAX = 1_000;

type Refusal = Pick<RefusedMessage, "direction" | "bus" | "position" | "error">;

/** Resolves once the refusal is in the journal; the very same message is there once. */
export async function recordRefused(
  core: Core,
  message: BusMessage,
  refusal: Refusal,
): Promise<void> {
  const { topic, data } = message;
  const attributes = shortened(message.attributes);
  const dataHash = sha256Hex(data);
  const { direction, bus } = refusal;
  const name = sha256Hex(canonicalJson({ direction, bus, topic, attributes, dataHash }));
  const stream = { namespace: core.namespace, stream: refusedStream(name) };
  if ((await core.store.head(stream)) !== undefined) return;
  const { clock } = core;
  const payload = { topic, ...refusal, attributes, dataHash, dataBytes: Buffer.byteLength(data) };
  const kind = "message.refused";
  const fact: Fact = { kind, by: ENGINE, payload, seq: 0, at: clock.now() };
  const index = { status: "refused", open: false, type: topic };
  if (!(await commitAlone(core, stream.stream, fact, index))) return;
  core.log({
    level: "error",
    message: `${direction === "in" ? "A message" : "An event"} of ${topic} ${direction === "in" ? `from ${bus} was refused` : `was not taken by ${bus}`}: ${refusal.error.message}`,
    at: clock.now(),
    data: { topic, bus, direction, id: attributes["id"] ?? "", refused: name },
  });
}

/** Text that can stand in an entry, and no more of it than people read. */
function shortened(attributes: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(attributes)
      .slice(0, ATTRIBUTES_MAX)
      .map(([name, value]) => [
        name.slice(0, ATTRIBUTE_LENGTH_MAX).toWellFormed(),
        value.slice(0, ATTRIBUTE_LENGTH_MAX).toWellFormed(),
      ]),
  );
}
