/** choreo-nats: from an event that one deployment publishes to the sealed result in another, over a nats-server of its own. */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { agent, type Baton, choreography, contract, on, open, topic } from "baton";
import { nats } from "baton/nats";
import { sqlite } from "baton/sqlite";
import { z } from "zod";
import { warmUp } from "./credit.ts";
import { fileFigures } from "./journal-file.ts";
import { type Measurement, quantile, rounded, watchRss } from "./measurement.ts";
import { hasNatsServer, natsServer } from "./nats-server.ts";

export interface ChoreoNatsOptions {
  readonly folder: string;
  readonly inFlight: number;
  readonly runs: number;
}

const Question = contract("question", "1.0.0", z.object({ id: z.string() }));
const Asked = topic("asked", Question);
const Answered = topic("answered", Question);

/** By question: whoever waits until its run has begun. */
const begun = new Map<string, () => void>();
const answering = agent({
  name: "answering",
  version: "1.0.0",
  input: Question,
  output: Question,
  execute: ({ id }) => {
    begun.get(id)?.();
    return Promise.resolve({ id });
  },
});
const answer = choreography("answer", "1.0.0", {
  starts: Asked,
  ends: Answered,
  deadline: "1h",
  subscriptions: { answering: on(Asked, answering, { publishes: Answered }) },
});

/** `runs` events, `inFlight` at a time, each from its publishing in one deployment to the end of its run in the other. */
async function flow(
  { asker, answerer }: { readonly asker: Baton; readonly answerer: Baton },
  { runs, inFlight }: ChoreoNatsOptions,
  prefix: string,
): Promise<{ readonly seconds: number; readonly latenciesMs: readonly number[] }> {
  const latenciesMs: number[] = [];
  let next = 0;
  const work = async () => {
    while (next < runs) {
      const id = `${prefix}${next}`;
      next += 1;
      const fromMs = performance.now();
      const hasBegun = new Promise<void>((resolve) => begun.set(id, resolve));
      await asker.publish(Asked, { id }, { id });
      await hasBegun;
      begun.delete(id);
      await (await answerer.run(`${id}/answer`)).result();
      latenciesMs.push(performance.now() - fromMs);
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: inFlight }, work));
  return { seconds: (performance.now() - startMs) / 1_000, latenciesMs };
}

export async function choreoNats(options: ChoreoNatsOptions): Promise<Measurement> {
  if (!hasNatsServer()) {
    throw new Error(
      "choreo-nats needs nats-server, which is not here: apt-get install nats-server (Debian), or https://nats.io/download.",
    );
  }
  const { folder, inFlight, runs } = options;
  const raw = await warmUp(folder);
  const server = await natsServer();
  const at = (name: string) => join(folder, `${name}.db`);
  const bus = nats({ servers: server.address });
  const asker = await open({
    store: sqlite(at("asker")),
    workflows: [],
    topics: [Asked],
    bus,
    group: "asker",
  });
  const answerer = await open({
    store: sqlite(at("answerer")),
    workflows: [answer],
    bus,
    group: "answerer",
  });
  try {
    const both = { asker, answerer };
    await flow(both, { ...options, runs: 1_000 }, "warm");
    const alone = await flow(both, { ...options, runs: 200, inFlight: 1 }, "alone");
    const rss = watchRss();
    const { seconds, latenciesMs } = await flow(both, options, "e");
    const peakRssMiB = rss.stop();
    await asker.close();
    await answerer.close();
    const { entries } = fileFigures(at("answerer"));
    const { size } = statSync(at("answerer"));
    const all = runs + 1_000 + 200;
    return {
      workload: "choreo-nats",
      inFlight,
      runs,
      seconds: rounded(seconds),
      runsPerSecond: rounded(runs / seconds),
      stepsPerSecond: rounded(runs / seconds),
      entriesPerSecond: rounded(((entries / all) * runs) / seconds),
      p50Ms: rounded(quantile(latenciesMs, 0.5)),
      p99Ms: rounded(quantile(latenciesMs, 0.99)),
      bytesPerRun: rounded(size / all),
      peakRssMiB,
      raw,
      ratio: rounded(((entries / all) * runs) / seconds / raw.groupCommit256PerSecond),
      targets: [],
      // Each question crosses, and each answer is published to the bus.
      eventsPerSecond: rounded((2 * runs) / seconds),
      aloneP50Ms: rounded(quantile(alone.latenciesMs, 0.5)),
      aloneP99Ms: rounded(quantile(alone.latenciesMs, 0.99)),
    };
  } finally {
    await asker.close();
    await answerer.close();
    await server.dispose();
    for (const name of ["asker", "answerer"]) rmSync(at(name), { force: true });
  }
}
