/** The place of a projection, in the stream `projection/<name>`: how far it has come in the order of arrival. */
import { ENGINE } from "../../decide/turn.ts";
import { readStream } from "../../history/read.ts";
import { NO_HASH } from "../../journal/hash.ts";
import { seal } from "../../journal/seal.ts";
import type { Fact } from "../../model/entry.ts";
import {
  type ProjectionRecord,
  type ProjectionStart,
  projectionStream,
} from "../../model/projection.ts";
import type { StreamName } from "../../ports/journal-store.ts";
import type { ProjectionPlace } from "../tracing.ts";
import type { Core } from "./core.ts";
import { commitStream } from "./stream-journal.ts";

/** The place of `name`, as the journal has it. `from`: where it begins that has none. */
export async function projectionPlace(
  core: Core,
  name: string,
  from: ProjectionStart,
): Promise<ProjectionPlace> {
  const { namespace, epoch } = core;
  const stream = { namespace, stream: projectionStream(name) };
  let [end, position] = [{ hash: NO_HASH, seq: -1, at: 0 }, 0];
  const say = async (payload: ProjectionRecord) => {
    const { inlinePayloadBytesMax } = core.limits;
    const [seq, at] = [end.seq + 1, Math.max(end.at, core.clock.now())];
    const fact: Fact = { kind: "projection.moved", by: ENGINE, payload, seq, at };
    const context = { ...stream, epoch, prev: end.hash, inlinePayloadBytesMax };
    const sealed = seal(context, [fact]);
    const index = { status: "open", open: false, type: name };
    await commitStream(core, stream, sealed, { expectedSeq: end.seq, index });
    end = { hash: sealed.head, seq, at };
    position = await placeOf(core, stream, payload, seq);
  };
  const head = await core.store.head(stream);
  if (head !== undefined) {
    for await (const { entry, hash } of readStream(core.store, stream, head.lastSeq)) {
      end = { hash, seq: entry.seq, at: entry.at };
      // The stream has entries of this kind only.
      const record = entry.payload as unknown as ProjectionRecord;
      position = await placeOf(core, stream, record, entry.seq);
    }
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
