/** A store with a journal that has something of everything that tables are made of: retries, usage, blobs, events, a way back. */
import {
  agent,
  type Baton,
  contract,
  exponential,
  open,
  type StoreFactory,
  topic,
  workflow,
} from "baton";
import { z } from "zod";

const Input = contract("sample-input", "1.0.0", z.object({ n: z.int(), note: z.string() }));
const Text = contract("sample-text", "1.0.0", z.string());
const Count = contract("sample-count", "1.0.0", z.number());
const Counted = topic("counted", contract("counted", "1.0.0", z.object({ n: z.int() })));
const BUSY = "the bureau is busy";

const scoring = agent({
  name: "scoring",
  version: "1.0.0",
  input: Input,
  output: Count,
  retry: { attempts: 3, backoff: exponential("1ms") },
  execute: ({ n }, context) => {
    context.usage({ model: "large", inputTokens: 100 + n, outputTokens: 10 });
    if (context.attempt === 1 && n % 3 === 0) throw new Error(BUSY);
    return n * 1.5;
  },
  compensate: () => undefined,
});
const writing = agent({
  name: "writing",
  version: "1.0.0",
  input: Input,
  output: Text,
  execute: ({ note }) => note.repeat(20),
});

const sample = workflow("sample", "1.0.0", { input: Input, output: Text })
  .step("score", scoring, { input: ({ input }) => input })
  .step("letter", writing, { input: ({ input }) => input })
  .output(({ letter }) => letter);

export interface SampleRuns {
  readonly baton: Baton;
  /** Executes so many more runs, publishes an event for each, and takes every fifth one back. */
  readonly more: (runs: number) => Promise<void>;
}

export async function sampleRuns(store: StoreFactory): Promise<SampleRuns> {
  const baton = await open({
    store,
    workflows: [sample],
    topics: [Counted],
    limits: { inlinePayloadBytesMax: 400 },
    prices: { large: { inputPerMillion: "2.5", outputPerMillion: "10.1", currency: "EUR" } },
    watchdog: 0,
  });
  let n = 0;
  return {
    baton,
    async more(runs) {
      for (let i = 0; i < runs; i += 1, n += 1) {
        const id = `r${n}`;
        const handle = await baton.start(sample, { n, note: `\u{FEFF}Ada ${n} 😀 ` }, { id });
        await handle.result();
        await baton.publish(Counted, { n }, { id: `e${n}` });
        if (n % 5 === 0)
          await baton.compensate(id, { by: { kind: "person", id: "ada" }, reason: "to see" });
      }
    },
  };
}
