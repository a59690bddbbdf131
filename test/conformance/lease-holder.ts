/** A process that takes the lease of the store at argv[2] and writes on request; started by the tests of the SQLite store. */
import { createInterface } from "node:readline";
import { sha256Hex } from "../../src/journal/hash.ts";
import { sqlite } from "../../src/stores/sqlite/sqlite.ts";

const store = await sqlite(process.argv[2] ?? "")({ readOnly: false });
const lease = await store.acquire("child");
console.log(JSON.stringify(lease));
const epoch = lease.kind === "acquired" ? lease.epoch : -1;

for await (const stream of createInterface({ input: process.stdin })) {
  const text = `{"stream":"${stream}"}`;
  const part = {
    namespace: "default",
    stream,
    expectedSeq: -1,
    entries: [{ seq: 0, text, hash: sha256Hex(text) }],
    index: { status: "running", open: true, type: "w@1" },
  };
  console.log(JSON.stringify(await store.append({ streams: [part], epoch })));
}
