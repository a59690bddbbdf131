/** A process that writes tables until it is killed, or has nothing more to write; it tells its parent of each batch. */
import { sqlite } from "baton/sqlite";
import { deltaFolder, deltaSink } from "baton/delta";

const [store = "", folder = "", rowsMax = "10"] = process.argv.slice(2);
const sink = await deltaSink({
  store: sqlite(store),
  to: deltaFolder(folder),
  batch: { rowsMax: Number(rowsMax) },
  progress: ({ entries }) => process.send?.({ entries }),
});
await sink.drain();
await sink.close();
process.send?.({ done: true });
process.disconnect?.();
