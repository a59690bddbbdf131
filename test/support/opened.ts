/** Baton opened for a test: virtual time, counted ids, a journal that can be read in short form. */
import {
  type Agent,
  type Author,
  agent,
  type AgentContext,
  type Baton,
  type Contract,
  contract,
  type Entry,
  type ErrorCode,
  exponential,
  type Json,
  type LogLine,
  memory,
  open,
  type OpenOptions,
  type RetryPolicy,
  type Workflow,
  workflow,
} from "baton";
import { countedIds, type VirtualClock, virtualClock } from "baton/testing";
import { expect, onTestFinished } from "vitest";
import { z } from "zod";

export const ADA: Author = { kind: "person", id: "ada" };
const unchecked = contract("anything", "1.0.0", z.unknown());
export const anything: Contract<unknown> = unchecked;
export const count: Contract<number> = contract("count", "1.0.0", z.number());
export const text: Contract<string> = contract("text", "1.0.0", z.string());

export interface Opened {
  readonly baton: Baton;
  readonly clock: VirtualClock;
  readonly log: readonly LogLine[];
}

/** Opens, and closes when the test is over, however it ends. */
export async function opened(
  options: Partial<OpenOptions> & Pick<OpenOptions, "workflows">,
  clock: VirtualClock = virtualClock(),
): Promise<Opened> {
  const log: LogLine[] = [];
  const baton = await clock.until(
    open({
      store: memory({ now: () => clock.now() }),
      clock,
      ids: countedIds(),
      log: (line) => log.push(line),
      ...options,
    }),
  );
  onTestFinished(() => clock.until(baton.close({ graceMs: 0 })).catch(() => {}));
  return { baton, clock, log };
}

interface AgentMore {
  readonly version?: string;
  readonly attempts?: number;
  readonly final?: RetryPolicy["final"];
  readonly timeout?: "1s" | "10s";
  readonly concurrency?: number;
  readonly jitter?: number;
  readonly output?: Contract<unknown>;
  readonly sideEffects?: boolean;
}

/** A contract that takes anything, whatever the compiler is told. */
export function of<X>(): Contract<X> {
  return unchecked as unknown as Contract<X>;
}

/** An agent between contracts that take anything; one attempt, unless told otherwise. */
export function agentOf<I, O>(
  name: string,
  execute: (input: I, context: AgentContext) => O | Promise<O>,
  more: AgentMore = {},
): Agent<I, O> {
  const { version = "1.0.0", attempts = 1, final, jitter = 0, timeout, concurrency } = more;
  const made = agent({
    name,
    version,
    input: anything,
    output: more.output ?? anything,
    retry: {
      attempts,
      backoff: exponential("100ms", { jitter }),
      ...(final === undefined ? {} : { final }),
    },
    ...(timeout === undefined ? {} : { timeout }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(more.sideEffects === undefined ? {} : { sideEffects: more.sideEffects }),
    // The contract takes anything: what is given is of the type that the test says.
    execute: (input, context) => execute(input as I, context) as Promise<unknown>,
  });
  return made as unknown as Agent<I, O>;
}

/** A promise that the test settles. */
export interface Gate<X = void> {
  readonly promise: Promise<X>;
  readonly open: (value: X) => void;
  readonly fail: (error: unknown) => void;
}

export function gate<X = void>(): Gate<X> {
  let open: (value: X) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const promise = new Promise<X>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  promise.catch(() => {});
  return { promise, open, fail };
}

/** The entries of a run. */
export async function entriesOf(baton: Baton, run: string): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for await (const { entry } of baton.entries(run)) entries.push(entry);
  return entries;
}

/** A journal in short: `step.sealed score`, `attempt.failed score 2`. */
export async function journalOf(baton: Baton, run: string): Promise<readonly string[]> {
  const entries = await entriesOf(baton, run);
  return entries.map(({ kind, path, attempt }) =>
    [kind, path, kind === "attempt.failed" || kind === "compensation.failed" ? attempt : undefined]
      .filter((part) => part !== undefined)
      .join(" "),
  );
}

/** The payloads of one kind of entry. */
export async function payloadsOf(
  baton: Baton,
  run: string,
  kind: Entry["kind"],
): Promise<readonly Json[]> {
  return (await entriesOf(baton, run)).flatMap((each) =>
    each.kind === kind ? [each.payload] : [],
  );
}

/** A workflow of one step, whose output is the run's. */
export function single<O>(
  agent: Agent<number, O>,
  name = "single",
  version = "1.0.0",
): Workflow<number, O> {
  const flow = workflow(name, version, { input: count })
    .step("a", agent as Agent<number, unknown>, { input: ({ input }) => input })
    .output(({ a }) => a);
  // What the step gives is what the agent gives; the compiler can't see that through a type that is open.
  return flow as Workflow<number, O>;
}

export async function expectRefused(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await expect(promise).rejects.toMatchObject({ code });
}
