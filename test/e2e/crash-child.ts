/**
 * A process to be harmed: does what its parent says by message, and answers each message with one of its own.
 * `open` opens the store; `work` starts runs and more runs until it is told to `close`, or the store refuses; `start` starts one.
 */
import { appendFileSync } from "node:fs";
import { type Baton, isBatonError, open } from "baton";
import { sqlite } from "baton/sqlite";
import { application, creditGraph } from "../../bench/credit-graph.ts";

/** What the parent says. */
export interface ChildOrder {
  readonly act: "open" | "work" | "start" | "close";
  readonly file?: string;
  readonly fileBytesMax?: number;
  /** Runs that are under way at a time. */
  readonly width?: number;
  /** Every execution of an agent is a line in this file: run, tab, path. */
  readonly executions?: string;
}

/** What the child answers: `code` if it was refused; `ended` when the work has stopped, with the codes that its runs ended with. */
export interface ChildAnswer {
  readonly did: "ready" | "open" | "work" | "start" | "ended" | "close" | "log";
  readonly code?: string;
  readonly codes?: readonly string[];
  readonly message?: string;
}

let baton: Baton | undefined;
let executions: string | undefined;
const graph = creditGraph(async ({ run, path }) => {
  // Runs get out of step with each other, as real ones are.
  for (let turn = 0; turn < (run.length * 7 + path.length * 3 + Number(run.at(-1))) % 6; turn += 1)
    await new Promise((resolve) => setImmediate(resolve));
  if (executions !== undefined) appendFileSync(executions, `${run}\t${path}\n`);
});

function say(answer: ChildAnswer): void {
  process.send?.(answer);
}

function codeOf(error: unknown): string {
  return isBatonError(error) ? error.code : String(error);
}

async function openStore({ file = "", fileBytesMax }: ChildOrder): Promise<ChildAnswer> {
  try {
    const limit = fileBytesMax === undefined ? {} : { fileBytesMax };
    const log = ({ message }: { readonly message: string }) => say({ did: "log", message });
    baton = await open({ store: sqlite(file, limit), workflows: [graph], log });
    return { did: "open" };
  } catch (error) {
    return { did: "open", code: codeOf(error), message: String(error) };
  }
}

/** Starts run after run in each of `width` rows; a row ends with the error that stopped it. */
async function work({ width = 20 }: ChildOrder): Promise<void> {
  const opened = baton;
  if (opened === undefined) throw new Error("Nothing is open.");
  let next = 0;
  const row = async (): Promise<string> => {
    for (;;) {
      const n = next;
      next += 1;
      try {
        await (await opened.start(graph, application(n), { id: `application-${n}` })).result();
      } catch (error) {
        return codeOf(error);
      }
    }
  };
  const codes = await Promise.all(Array.from({ length: width }, row));
  say({ did: "ended", codes });
}

async function start(): Promise<ChildAnswer> {
  try {
    await baton?.start(graph, application(0), { id: "one-more-0" });
    return { did: "start" };
  } catch (error) {
    return { did: "start", code: codeOf(error), message: String(error) };
  }
}

async function obey(order: ChildOrder): Promise<void> {
  executions = order.executions ?? executions;
  if (order.act === "open") say(await openStore(order));
  else if (order.act === "start") say(await start());
  else if (order.act === "work") {
    void work(order);
    say({ did: "work" });
  } else {
    await baton?.close({ graceMs: 0 });
    baton = undefined;
    say({ did: "close" });
  }
}

// The parent's messages, one after the other.
let last = Promise.resolve();
process.on("message", (order: ChildOrder) => {
  last = last.then(() => obey(order));
});
process.on("disconnect", () => process.exit());
say({ did: "ready" });
