/**
 * How a store and its runs stand. Where this process executes, the engine's watchdog tells (embedded/watchdog.ts); where it only
 * reads, it is what the store shows from outside: what should have happened and has not, and whether anybody works on it.
 */
import { runOfStream } from "../history/read.ts";
import type { JournalStore, Lease, StreamHead } from "../ports/journal-store.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { Catalogue } from "./definitions.ts";
import { readBreakers } from "./breakers.ts";
import { type BusLine, readBusLines } from "./bus-lines.ts";
import { headPages } from "./head-pages.ts";
import { newestChoreographies, recordedSubscriptions } from "./subscriptions.ts";
import type { TopicEvent } from "./topic-events.ts";
import { firstUntaken } from "./untaken.ts";
import type { WatchSource } from "./watch.ts";

/** Why a run counts as stuck; the message says it in words, and docs/how-to/find-stuck-runs.md what to do. */
export type StuckReason =
  /** It should be executing, and is not in memory. */
  | "notInMemory"
  /** It was found unfinished when the store was opened, and is not brought back though there are places. */
  | "notResumed"
  /** It waits for a time, and nothing is set to wake it. */
  | "wakeLost"
  /** The time at which it was to be woken has passed. */
  | "wakeOverdue"
  /** It is in memory, and nothing goes on or will. */
  | "idle"
  /** It waits for a place though there are places. */
  | "placeLost"
  /** It has something to take in, and is not looked at. */
  | "tickLost"
  /** Its child run has ended, or is not there, and it waits for it still. */
  | "childLost"
  /** An attempt of it that was ended has not returned, and still has one of its agent's places. */
  | "attemptOutstays"
  /** The store has not answered its append. */
  | "storeSilent"
  /** From outside: its time has passed, and the process that has the store does not wake it. */
  | "overdue"
  /** From outside: it could go on, and nobody works on the store. */
  | "unattended";

/** A run that is neither executing nor waiting for anything lawful. */
export interface StuckRun {
  readonly run: string;
  readonly reason: StuckReason;
  /** For people. */
  readonly message: string;
  /** Since when, as far as is known; milliseconds since 1970. */
  readonly since: number;
}

/** Why a subscription counts as stuck. */
export type StandingReason =
  /** There is an event that it could take, and it does not read on. */
  | "notReading"
  /** It has taken an event, and the run of it has not begun. */
  | "notBegun"
  /** The store has not answered it. */
  | "storeSilent"
  /** What it should read is damaged, or of a newer Baton. */
  | "unreadable"
  /** Events wait for it, and its choreography is not among the workflows of the process that executes. */
  | "noCode"
  /** From outside: an event has waited for a minute, and the process that has the store does not take it. */
  | "overdue"
  /** From outside: an event has waited for a minute, and nobody works on the store. */
  | "unattended";

/** A subscription that stands still though there are events that it could take. */
export interface StuckSubscription {
  /** The choreography's name; `to-runs.<topic>` for what hands events to runs that are there already. */
  readonly subscription: string;
  readonly topic: string;
  readonly reason: StandingReason;
  /** For people. */
  readonly message: string;
  /** Since when, as far as is known; milliseconds since 1970. */
  readonly since: number;
}

/** How the runs of a namespace stand, and what is stuck. */
export interface Health {
  /** Nothing is stuck, and the store can be read. */
  readonly ok: boolean;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Runs that have not ended. */
  readonly runs: {
    /** Under way in this process; from outside, those that should be. */
    readonly executing: number;
    /** Waiting for a place to execute; 0 from outside, where that can't be seen. */
    readonly queued: number;
    /** For a time, an answer or code. */
    readonly waiting: number;
    /** For a person. */
    readonly parked: number;
  };
  /** At most 1,000 are named. */
  readonly stuck: readonly StuckRun[];
  /** Subscriptions that stand still. */
  readonly stuckSubscriptions: readonly StuckSubscription[];
  /** How often the watchdog has set a run or a subscription going again since the store was opened. */
  readonly healed: number;
  readonly store: {
    readonly label: string;
    /** Who works on it: this process, another, or nobody. */
    readonly worked: "here" | "elsewhere" | "nobody";
    /** Who has the lease, where it is another process. */
    readonly holder?: string;
    /** Why it could not be read. */
    readonly error?: string;
  };
  readonly breakersOpen: readonly string[];
  /** How topics cross to the bus outside and back, if there is one. */
  readonly bus: readonly BusLine[];
}

/** Stuck runs that are named one by one: enough to see what is the matter, and few enough to be told. */
export const STUCK_NAMED_MAX = 1_000;

/** What may pass between a moment and what follows from it, before anybody is accused: longer than a restart takes. */
const OVERDUE_MS = 60_000;

/** A holder renews every two seconds. One that has not within this long hangs, or was killed. */
const LOOK_AT_HOLDER_MS = 6_000;
const LOOK_AGAIN_MS = 500;

/** The runs that have not ended, in pages, from the oldest on. */
export function openRuns(
  store: Pick<JournalStore, "heads">,
  namespace: string,
  after?: number,
): AsyncGenerator<readonly StreamHead[], void, undefined> {
  const paging = after === undefined ? {} : { after };
  return headPages(store, { namespace, prefix: "run/", open: true, ...paging });
}

/** How a store stands, for a process that does not execute. */
export async function readHealth(
  source: Pick<WatchSource, "store" | "namespace" | "clock">,
  catalogue: Catalogue,
): Promise<Health> {
  const { store, namespace, clock } = source;
  const runs = { executing: 0, queued: 0, waiting: 0, parked: 0 };
  const late: StreamHead[] = [];
  for await (const heads of openRuns(store, namespace)) {
    for (const head of heads) {
      runs[head.status === "waiting" || head.status === "parked" ? head.status : "executing"] += 1;
      if (late.length < STUCK_NAMED_MAX && mayBeLate(head, clock.now())) late.push(head);
    }
  }
  const untaken = await untakenEvents(source, catalogue.workflows.values());
  const holder = await holderOf(source, late.length > 0 || untaken.length > 0);
  const stuck: StuckRun[] = [];
  for (const head of late) {
    const found = await lateRun(source, head, holder);
    if (found !== undefined) stuck.push(found);
  }
  const stuckSubscriptions = untaken.map((each) => untakenBy(each, holder));
  const breakers = await readBreakers(store, namespace, catalogue);
  return {
    ok: stuck.length === 0 && stuckSubscriptions.length === 0,
    at: clock.now(),
    runs,
    stuck,
    stuckSubscriptions,
    healed: 0,
    store: {
      label: store.label,
      worked: holder.works ? "elsewhere" : "nobody",
      ...(holder.lease === undefined ? {} : { holder: holder.lease.holder }),
    },
    breakersOpen: breakers.filter(({ state }) => state === "open").map(({ name }) => name),
    bus: await readBusLines(source),
  };
}

/** Whether a run's time has passed, or it could go on. */
function mayBeLate({ status, wakeAtMs }: StreamHead, nowMs: number): boolean {
  if (status === "parked" || status === "waiting")
    return wakeAtMs !== undefined && wakeAtMs < nowMs - OVERDUE_MS;
  return true;
}

interface Holder {
  readonly lease: Lease | undefined;
  readonly works: boolean;
}

/** Who has the lease; where it matters, whether its heartbeat moves. */
async function holderOf(
  { store, clock }: Pick<WatchSource, "store" | "clock">,
  matters: boolean,
): Promise<Holder> {
  const first = await store.lease();
  if (first === undefined || !matters) return { lease: first, works: first !== undefined };
  for (let waitedMs = 0; waitedMs < LOOK_AT_HOLDER_MS; waitedMs += LOOK_AGAIN_MS) {
    await new Promise<void>((resolve) => clock.after(LOOK_AGAIN_MS, resolve));
    const now = await store.lease();
    if (now === undefined) return { lease: undefined, works: false };
    if (now.epoch !== first.epoch || now.heartbeat !== first.heartbeat)
      return { lease: now, works: true };
  }
  return { lease: first, works: false };
}

async function lateRun(
  { store, namespace, clock }: Pick<WatchSource, "store" | "namespace" | "clock">,
  head: StreamHead,
  { lease, works }: Holder,
): Promise<StuckRun | undefined> {
  const run = runOfStream(head.stream);
  const { stream, lastSeq, wakeAtMs } = head;
  const waits = wakeAtMs !== undefined;
  if (works) {
    // Of one that should be executing only the process that has it can tell whether it is.
    if (!waits) return undefined;
    const message = `Its time has passed, and ${lease?.holder ?? "the process that has the store"} does not wake it.`;
    return { run, reason: "overdue", message, since: wakeAtMs };
  }
  const since = waits ? wakeAtMs : await timeOf(store, { namespace, stream }, lastSeq);
  if (since > clock.now() - OVERDUE_MS) return undefined;
  const nobody = nobodyIn(lease);
  const message = waits ? `Its time has passed, and ${nobody}.` : `It could go on, and ${nobody}.`;
  return { run, reason: "unattended", message, since };
}

function nobodyIn(lease: Lease | undefined): string {
  return lease === undefined
    ? "nobody works on this store"
    : `${lease.holder} has the store, and gives no sign of life`;
}

interface Untaken {
  readonly name: string;
  readonly event: TopicEvent;
}

/** The subscriptions for which an event has waited too long. */
async function untakenEvents(
  source: Pick<WatchSource, "store" | "namespace" | "clock">,
  workflows: Iterable<WorkflowDefinition>,
): Promise<readonly Untaken[]> {
  const places = new Map<string, number>();
  for (const { name, choreography } of newestChoreographies(workflows))
    if (choreography !== undefined) places.set(name, choreography.concurrency);
  const found: Untaken[] = [];
  for (const [name, record] of await recordedSubscriptions(source)) {
    // How many runs a choreography that is not here begins at a time is not known.
    const concurrency = places.get(name) ?? Number.POSITIVE_INFINITY;
    const event = await firstUntaken(source, name, record, concurrency);
    if (event !== undefined && event.at < source.clock.now() - OVERDUE_MS)
      found.push({ name, event });
  }
  return found;
}

function untakenBy({ name, event }: Untaken, { lease, works }: Holder): StuckSubscription {
  const { at: since, facts } = event;
  const { topic, id } = facts;
  const base = { subscription: name, topic, since };
  if (!works) {
    const message = `Event ${id} of ${topic} waits for it, and ${nobodyIn(lease)}.`;
    return { ...base, reason: "unattended", message };
  }
  const holder = lease?.holder ?? "the process that has the store";
  const message = `Event ${id} of ${topic} waits for it, and ${holder} does not take it: it hangs, or does not have the choreography.`;
  return { ...base, reason: "overdue", message };
}

/** The time of an entry: what is read here is shown to people, and nothing follows from it. */
async function timeOf(
  store: Pick<JournalStore, "read">,
  stream: { readonly namespace: string; readonly stream: string },
  seq: number,
): Promise<number> {
  const [stored] = await store.read(stream, seq, 1);
  const entry: unknown = JSON.parse(stored?.text ?? "{}");
  const at = typeof entry === "object" && entry !== null && "at" in entry ? entry.at : undefined;
  return typeof at === "number" ? at : 0;
}
