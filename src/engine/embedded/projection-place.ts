/** The place of a projection, in the stream `projection/<name>`: how far it has come in the order of arrival. */
import { ENGINE } from "../../decide/turn.ts";
import type { Fact } from "../../model/entry.ts";
import {
  type ProjectionRecord,
  type ProjectionStart,
  projectionStream,
} from "../../model/projection.ts";
import type { StreamName } from "../../ports/journal-store.ts";
import type { ProjectionPlace } from "../tracing.ts";
import type { Core } from "./core.ts";
import { extendStream, newestIn, NO_ENTRY, placeAfter } from "./stream-journal.ts";

/** The place of `name`, as the journal has it. `from`: where it begins that has none. */
export async function projectionPlace(
  core: Core,
  name: string,
  from: ProjectionStart,
): Promise<ProjectionPlace> {
  const stream = { namespace: core.namespace, stream: projectionStream(name) };
  const newest = await newestIn(core, stream);
  let [end, position] = [newest?.end ?? NO_ENTRY, 0];
  const say = async (payload: ProjectionRecord) => {
    const place = placeAfter(end, core.clock.now());
    const fact: Fact = { kind: "projection.moved", by: ENGINE, payload, ...place };
    const index = { status: "open", open: false, type: name };
    end = await extendStream(core, stream, end, [fact], index);
    position = await placeOf(core, stream, payload, place.seq);
  };
  if (newest !== undefined) {
    // The stream has entries of this kind only.
    const record = newest.entry.payload as unknown as ProjectionRecord;
    position = await placeOf(core, stream, record, newest.entry.seq);
  } else if (from === "now") await say({ position: 0, from });
  return { position: () => position, moved: async (to) => await say({ position: to }) };
}

/** What begins now says so in an entry, whose own place that is: no other entry can come between. */
async function placeOf(
  { store }: Core,
  stream: StreamName,
  { position, from }: ProjectionRecord,
  seq: number,
): Promise<number> {
  if (from !== "now") return position;
  return (await store.arrived(stream, seq))?.position ?? position;
}
