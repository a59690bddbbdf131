/**
 * The trace of a run: a fold of its journal. Each entry that ends something gives its span, finished; nothing that is only in
 * memory is said. The same entries give the same spans, with the same ids.
 */
import { FINAL_KINDS } from "../../model/entry-kinds.ts";
import type { Fact, FactOf, Failure } from "../../model/entry.ts";
import type { TraceSpan } from "../../model/trace-span.ts";
import { remoteSpan, traceIdOf } from "../../journal/trace-ids.ts";
import type { Content } from "./content.ts";
import { draftOf, finish, namedOf, note, rootId, type Tracing } from "./draft.ts";
import { foldEvent } from "./events.ts";
import { endRollback, foldRollback } from "./rollbacks.ts";
import { childsParentId, endOpenSteps, foldStep } from "./steps.ts";

/** The trace of one run, as far as its entries were given. */
export interface RunTrace {
  /** Gives the spans that end with an entry. Entries come in order of seq, without gaps. */
  readonly apply: (fact: Fact) => readonly TraceSpan[];
}

/** A run of which nothing was read yet. `content` makes the inputs and outputs; without it the spans have none. */
export function runTrace(namespace: string, run: string, content: Content | undefined): RunTrace {
  const tracing: Tracing = {
    namespace,
    run,
    rootId: rootId({ namespace, run }),
    content,
    traceId: traceIdOf(namespace, run),
    correlation: run,
    root: undefined,
    rootEnded: false,
    steps: new Map(),
    closed: new Map(),
    thereAt: new Map(),
    events: new Map(),
    turns: new Map(),
    restoredAt: 0,
    unknown: new Set(),
    begun: new Map(),
    rollback: undefined,
    finished: [],
  };
  return {
    apply: (fact) => {
      fold(tracing, fact);
      content?.after(fact);
      const { finished } = tracing;
      tracing.finished = [];
      return finished;
    },
  };
}

function fold(tracing: Tracing, fact: Fact): void {
  if (fact.kind === "run.started") started(tracing, fact);
  if (fact.kind === "run.refused") refused(tracing, fact);
  foldStep(tracing, fact);
  foldEvent(tracing, fact);
  foldRollback(tracing, fact);
  if (fact.kind === "step.sealed" || fact.kind === "step.carried")
    tracing.thereAt.set(fact.seq, fact.at);
  noteOnRun(tracing, fact);
  if (FINAL_KINDS.has(fact.kind)) end(tracing, fact);
}

function started(tracing: Tracing, fact: FactOf<"run.started">): void {
  const { namespace, run } = tracing;
  const { workflow, parent, fork, correlation = run, deadlineAt, traceparent } = fact.payload;
  tracing.correlation = correlation;
  tracing.traceId = fact.traceId ?? traceIdOf(namespace, correlation);
  tracing.thereAt.set(fact.seq, fact.at);
  const named = namedOf(workflow);
  const draft = draftOf(tracing, "run", {
    subject: named.subject,
    spanId: tracing.rootId,
    startAt: fact.at,
    parentId: parent === undefined ? undefined : childsParentId(namespace, run),
  });
  if (named.version !== undefined) draft.version = named.version;
  if (fact.by.kind === "person") draft.person = fact.by.id;
  else if (fact.by.onBehalfOf !== undefined) draft.person = fact.by.onBehalfOf;
  draft.facts = {
    ...(parent === undefined ? {} : { parent: parent.run }),
    ...(fork === undefined ? {} : { fork: fork.stream, "fork.version": fork.version }),
    ...(deadlineAt === undefined ? {} : { deadline: new Date(deadlineAt).toISOString() }),
  };
  const caller = traceparent === undefined ? undefined : remoteSpan(traceparent);
  if (caller !== undefined) draft.links = [{ ...caller, why: "caller" }];
  if (fact.value !== undefined && tracing.content !== undefined)
    draft.input = tracing.content.runInput(fact.value);
  tracing.root = draft;
}

function refused(tracing: Tracing, fact: FactOf<"run.refused">): void {
  const { workflow, violations } = fact.payload;
  const named = namedOf(workflow);
  const draft = draftOf(tracing, "run", {
    subject: named.subject,
    spanId: tracing.rootId,
    startAt: fact.at,
    parentId: undefined,
  });
  if (named.version !== undefined) draft.version = named.version;
  for (const { contract, path, rule, message } of violations)
    note(draft, "violation", fact.at, { contract, path, rule, message });
  const message = violations[0]?.message ?? "The input was refused.";
  tracing.rootEnded = true;
  const error = { code: "INPUT_REFUSED", message };
  finish(tracing, draft, { at: fact.at, outcome: "refused", error });
}

/** A run that takes its end back has ended all the same: what comes after is the span of its way back. */
function end(tracing: Tracing, fact: Fact): void {
  const { root } = tracing;
  const outcome = fact.kind.slice("run.".length);
  endOpenSteps(tracing, fact.at);
  endRollback(tracing, fact.at, outcome);
  if (root === undefined || tracing.rootEnded) return;
  tracing.rootEnded = true;
  if (fact.kind === "run.completed" && fact.value !== undefined) {
    const output = tracing.content?.runOutput(fact.value);
    if (output !== undefined) root.output = output;
  }
  const error = errorOf(fact);
  finish(tracing, root, { at: fact.at, outcome, ...(error === undefined ? {} : { error }) });
}

function errorOf(fact: Fact): Failure | undefined {
  if (fact.kind === "run.failed" || fact.kind === "run.compensated") return fact.payload.error;
  return fact.kind === "run.cancelled"
    ? { code: "RUN_CANCELLED", message: fact.payload.reason }
    : undefined;
}

function noteOnRun({ root, rootEnded }: Tracing, fact: Fact): void {
  if (root === undefined || rootEnded) return;
  if (fact.kind === "run.resumed")
    note(root, fact.kind, fact.at, { crashed: fact.payload.crashed === true });
  if (fact.kind === "run.blocked")
    note(root, fact.kind, fact.at, { missing: fact.payload.missing });
  if (fact.kind === "run.overdue") note(root, fact.kind, fact.at);
  if (fact.kind === "run.cancelling")
    note(root, fact.kind, fact.at, { reason: fact.payload.reason, by: fact.by.id });
  if (fact.kind === "event.refused")
    note(root, fact.kind, fact.at, {
      topic: fact.payload.topic,
      error: fact.payload.error.code,
    });
}
