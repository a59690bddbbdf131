/** Spans of a run's way back, and of each thing that it undoes. */
import { spanIdOf } from "../../journal/trace-ids.ts";
import type { Fact, FactOf } from "../../model/entry.ts";
import { draftOf, finish, namedOf, note, type Tracing } from "./draft.ts";
import { endOpenSteps } from "./steps.ts";

/** Applies what an entry says of going back. */
export function foldRollback(tracing: Tracing, fact: Fact): void {
  switch (fact.kind) {
    case "run.compensating":
      return begin(tracing, fact);
    case "run.restored":
      tracing.restoredAt = fact.at;
      for (const key of [...tracing.closed.keys()]) takeBack(tracing, key, fact.at);
      return endRollback(tracing, fact.at, "restored");
    case "run.parked":
      if (tracing.rollback !== undefined)
        note(tracing.rollback, "run.parked", fact.at, { paths: fact.payload.paths });
      return;
    case "compensation.held":
      return noteHere(tracing, fact, { gate: fact.payload.gate });
    case "compensation.resolved":
      return noteHere(tracing, fact, { action: fact.payload.action, by: fact.by.id });
    case "compensation.sealed":
    case "compensation.failed":
      return compensated(tracing, fact);
    default:
      return;
  }
}

function begin(tracing: Tracing, fact: FactOf<"run.compensating">): void {
  const { namespace, run } = tracing;
  const { because, to, error } = fact.payload;
  endOpenSteps(tracing, fact.at);
  endRollback(tracing, fact.at, "superseded");
  const draft = draftOf(tracing, "rollback", {
    subject: tracing.root?.subject ?? run,
    spanId: spanIdOf({ namespace, run, of: "rollback", attempt: fact.seq }),
    startAt: fact.at,
    parentId: tracing.rootId,
  });
  draft.facts = {
    because,
    reason: error.code,
    ...(to === undefined ? {} : { to: to.step }),
  };
  tracing.rollback = draft;
}

/** What was taken back begins anew in a later turn, of which the journal says the number. */
function takeBack(tracing: Tracing, key: string, at: number): void {
  const step = key.slice(0, key.lastIndexOf(":"));
  const turn = Number(key.slice(key.lastIndexOf(":") + 1));
  const known = tracing.turns.get(step);
  if (known === undefined || known.turn < turn) tracing.turns.set(step, { turn, at });
}

/** Ends the way back, if the run is on one. */
export function endRollback(tracing: Tracing, at: number, outcome: string): void {
  if (tracing.rollback === undefined) return;
  finish(tracing, tracing.rollback, { at, outcome });
  tracing.rollback = undefined;
}

function compensated(
  tracing: Tracing,
  fact: FactOf<"compensation.sealed" | "compensation.failed">,
): void {
  const { namespace, run } = tracing;
  const { path = "", turn = 0, attempt = 1, at, payload, agent } = fact;
  const { tookMs = 0, usage } = payload;
  const named = namedOf(agent ?? path);
  const draft = draftOf(tracing, "compensation", {
    subject: named.subject,
    spanId: spanIdOf({ namespace, run, of: "compensation", path, turn, attempt }),
    startAt: at - tookMs,
    parentId: tracing.rollback?.spanId ?? tracing.rootId,
  });
  if (named.version !== undefined) draft.version = named.version;
  draft.path = path;
  draft.facts = { turn, attempt };
  if (usage !== undefined) draft.usage = usage;
  if (fact.kind === "compensation.sealed") finish(tracing, draft, { at, outcome: "sealed" });
  else finish(tracing, draft, { at, outcome: "failed", error: fact.payload.error });
}

function noteHere(
  { rollback }: Tracing,
  { kind, path = "", at }: Fact,
  facts: Readonly<Record<string, string>>,
): void {
  if (rollback !== undefined) note(rollback, kind, at, { path, ...facts });
}
