/**
 * The runs of the crash tests: small ones that end, some with a value that is kept as a blob, some that wait for a person.
 * What an unharmed file tells of them is the truth that a harmed one is compared with.
 */
import {
  agent,
  type Baton,
  type Clock,
  contract,
  isBatonError,
  type Json,
  open,
  workflow,
} from "baton";
import { sqlite } from "baton/sqlite";
import { z } from "zod";

const Letter = contract("letter", "1.0.0", z.object({ no: z.int(), text: z.string() }));

/** Longer than what is kept in the entry itself. */
const LONG_TEXT = "parcel ".repeat(6_000);

const write = agent({
  name: "write",
  version: "1.0.0",
  input: Letter,
  output: Letter,
  execute: async ({ no }) => ({ no, text: no % 7 === 0 ? `${no} ${LONG_TEXT}` : `letter ${no}` }),
});

const sign = agent({
  name: "sign",
  version: "1.0.0",
  input: Letter,
  output: Letter,
  execute: async ({ no, text }) => ({ no, text: `${text.slice(0, 20)}, signed` }),
});

/** Whether the run with this number waits for a person. */
export function isAsked(no: number): boolean {
  return no % 5 === 1;
}

/** Every fifth run waits for a person. */
export const letters = workflow("letters", "1.0.0", { input: Letter, output: Letter })
  .step("write", write, { input: ({ input }) => input })
  .approval("asked", {
    needs: ["write"],
    when: ({ write: written }) => isAsked(written.no),
    show: ({ write: written }) => ({ no: written.no }),
    timeout: "10d",
  })
  .step("sign", sign, {
    needs: ["write", "asked"],
    input: ({ write: written }) => written,
  })
  .output(({ sign: signed }) => signed);

/** A clock that stands still, so that the file has the same bytes each time, and a seed finds the same places in it. */
const stillClock: Clock = {
  now: () => 1_700_000_000_000,
  monotonicMs: () => 0,
  after(delayMs, wake) {
    const timer = setTimeout(wake, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Makes a store with `count` runs, and closes it. */
export async function fillStore(file: string, count: number): Promise<void> {
  const baton = await open({
    store: sqlite(file, { durability: "process-crash" }),
    workflows: [letters],
    clock: stillClock,
  });
  try {
    for (let no = 0; no < count; no += 1) {
      const run = await baton.start(letters, { no, text: "go" }, { id: runId(no) });
      if (!isAsked(no)) await run.result();
    }
  } finally {
    await baton.close();
  }
}

export function runId(no: number): string {
  return `letter-${no}`;
}

/** What a reader is told of each run: its report and its state, or the code of the error that it gets instead. */
export type Told = ReadonlyMap<string, Json>;

export async function tell(baton: Baton, count: number): Promise<Told> {
  const told = new Map<string, Json>();
  for (let no = 0; no < count; no += 1) {
    const id = runId(no);
    told.set(`${id} report`, await answerOf(() => baton.report(id)));
    told.set(`${id} state`, await answerOf(() => baton.state(id)));
  }
  return told;
}

async function answerOf(ask: () => Promise<unknown>): Promise<Json> {
  try {
    return JSON.parse(JSON.stringify(await ask()));
  } catch (error) {
    return isBatonError(error) ? { code: error.code } : { crashed: String(error) };
  }
}
