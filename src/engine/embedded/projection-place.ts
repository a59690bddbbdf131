/** The place of a projection, in the stream `projection/<name>`: how far it has come in the order of arrival. */
import { ENGINE } from "../../decide/turn.ts";
import { readStream } from "../../history/read.ts";
import { NO_HASH } from "../../journal/hash.ts";
import { seal } from "../../journal/seal.ts";
import type { Fact } from "../../model/entry.ts";
import { type ProjectionRecord, projectionStream } from "../../model/projection.ts";
import type { ProjectionPlace } from "../tracing.ts";
import type { Core } from "./core.ts";
import { commitStream } from "./stream-journal.ts";

/** The place of `name`, as the journal has it. */
export async function projectionPlace(core: Core, name: string): Promise<ProjectionPlace> {
  const { namespace, epoch } = core;
  const stream = { namespace, stream: projectionStream(name) };
  let [end, position] = [{ hash: NO_HASH, seq: -1, at: 0 }, 0];
  const head = await core.store.head(stream);
  if (head !== undefined) {
    for await (const { entry, hash } of readStream(core.store, stream, head.lastSeq)) {
      // The stream has entries of this kind only.
      position = (entry.payload as unknown as ProjectionRecord).position;
      end = { hash, seq: entry.seq, at: entry.at };
    }
  }
  return {
    position: () => position,
    moved: async (to) => {
      const { inlinePayloadBytesMax } = core.limits;
      const [seq, at] = [end.seq + 1, Math.max(end.at, core.clock.now())];
      const fact: Fact = {
        kind: "projection.moved",
        by: ENGINE,
        payload: { position: to },
        seq,
        at,
      };
      const context = { ...stream, epoch, prev: end.hash, inlinePayloadBytesMax };
      const sealed = seal(context, [fact]);
      const index = { status: "open", open: false, type: name };
      await commitStream(core, stream, sealed, { expectedSeq: end.seq, index });
      end = { hash: sealed.head, seq, at };
      position = to;
    },
  };
}
