import type { RecordedEntry } from "../../history/read.ts";
import type { ServedBaton } from "../served-baton.ts";

/** All entries of a run. @throws BatonError RUN_NOT_FOUND */
export async function entriesOf(
  baton: Pick<ServedBaton, "entries">,
  run: string,
): Promise<readonly RecordedEntry[]> {
  const entries: RecordedEntry[] = [];
  for await (const recorded of baton.entries(run)) entries.push(recorded);
  return entries;
}
