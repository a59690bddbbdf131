/** Reading a checkpoint; checkpoint.ts writes it, and says what it is. */
import { type Action, actionOf, corrupt } from "./actions.ts";
import { decodeParquet } from "./parquet.ts";
import type { DeltaStorage } from "./storage.ts";

/**
 * The actions of a checkpoint.
 * @throws BatonError `TABLE_CORRUPT`
 */
export async function readCheckpoint(
  storage: DeltaStorage,
  path: string,
): Promise<readonly Action[]> {
  const where = `The checkpoint ${path} in ${storage.label}`;
  const bytes = await storage.read(path);
  if (bytes === undefined) throw corrupt(where, "is gone");
  const rows = await decodeParquet(bytes, where);
  return rows.flatMap((row) => {
    const action = actionOf(row, where);
    return action === undefined ? [] : [action];
  });
}
