/**
 * A task as a view of a run: a fold of its journal, made anew whenever somebody asks. Nothing of a task is kept anywhere else.
 *
 * V1. A run that has ended is in the state that its last entry says.
 * V2. One that has not is `INPUT_REQUIRED` where it, or a run that is part of it, waits for an approval or a signal; `SUBMITTED`
 *     where its code is not here; else `WORKING`, also while it goes back or waits for a person of this house.
 */
import { factOf, type RecordedEntry } from "../../history/read.ts";
import { endsRun } from "../../model/entry-kinds.ts";
import type { Fact } from "../../model/entry.ts";
import { isoTime } from "../../model/iso-time.ts";
import type { Json } from "../../model/json.ts";
import type { OpenQuestion } from "./questions.ts";
import { type TaskName, taskIdOf } from "./task-id.ts";
import {
  textPart,
  valuePart,
  type WireArtifact,
  type WireMessage,
  type WirePart,
  type WireState,
  type WireTask,
} from "./wire.ts";

interface Standing {
  readonly state: WireState;
  readonly parts: readonly WirePart[];
  /** The output, where there is one. */
  readonly output?: Json;
}

const WORKING: Standing = { state: "TASK_STATE_WORKING", parts: [] };

/** The task of a run, from all of its entries and what it asks now. */
export function taskOf(
  name: TaskName,
  entries: readonly RecordedEntry[],
  questions: readonly OpenQuestion[],
): WireTask {
  const facts = entries.map(factOf);
  const standing = standingOf(facts, questions);
  const last = facts.at(-1);
  const place = { taskId: taskIdOf(name), contextId: name.context };
  const said = messageOf(place, last?.seq ?? 0, standing.parts);
  return {
    id: place.taskId,
    contextId: place.contextId,
    status: {
      state: standing.state,
      ...(said === undefined ? {} : { message: said }),
      ...(last === undefined ? {} : { timestamp: isoTime(last.at) }),
    },
    artifacts: artifactsOf(standing),
    history: historyOf(name, facts),
  };
}

function standingOf(facts: readonly Fact[], questions: readonly OpenQuestion[]): Standing {
  let ended = false;
  let standing = WORKING;
  for (const fact of facts) {
    ended = endsRun(fact.kind, ended);
    standing = after(fact) ?? (ended ? standing : onward(fact, standing));
  }
  if (ended || questions.length === 0) return standing;
  const steps = questions.map(({ step }) => step).join(", ");
  return {
    state: "TASK_STATE_INPUT_REQUIRED",
    parts: [textPart(`Waits for an answer: ${steps}.`), valuePart(askedJson(questions))],
  };
}

/** Where a run stands that has ended with an entry; undefined where the entry is no end. */
function after(fact: Fact): Standing | undefined {
  switch (fact.kind) {
    case "run.completed":
      return { state: "TASK_STATE_COMPLETED", parts: [], output: fact.value ?? null };
    case "run.failed":
      return failed(fact.payload.error, fact.payload.step);
    case "run.compensated":
      return fact.payload.because === "cancelled"
        ? ended("TASK_STATE_CANCELED", fact.payload.error.message)
        : failed(fact.payload.error, fact.payload.step);
    case "run.cancelled":
      return ended("TASK_STATE_CANCELED", fact.payload.reason);
    case "run.refused": {
      const { violations } = fact.payload;
      const said = violations.map(({ message }) => message).join(" ");
      return {
        state: "TASK_STATE_REJECTED",
        // Violations are JSON: they stand in an entry.
        parts: [textPart(said), valuePart({ violations: violations as unknown as Json })],
      };
    }
    default:
      return undefined;
  }
}

/** How one goes on that has not ended. */
function onward(fact: Fact, before: Standing): Standing {
  switch (fact.kind) {
    case "run.blocked":
      return {
        state: "TASK_STATE_SUBMITTED",
        parts: [textPart("Waits for code that is not here now.")],
      };
    case "run.compensating":
      return { state: "TASK_STATE_WORKING", parts: [textPart("Undoes what it has done.")] };
    case "run.parked":
    case "step.parked":
      return { state: "TASK_STATE_WORKING", parts: [textPart("Waits for an operator.")] };
    case "run.resumed":
    case "run.restored":
    case "step.resolved":
    case "compensation.resolved":
      return WORKING;
    default:
      return before;
  }
}

function failed(
  { code, message }: { readonly code: string; readonly message: string },
  step: string | undefined,
): Standing {
  return {
    state: "TASK_STATE_FAILED",
    parts: [
      textPart(`${code}: ${message}`),
      valuePart({ code, message, ...(step === undefined ? {} : { step }) }),
    ],
  };
}

function ended(state: WireState, text: string): Standing {
  return { state, parts: [textPart(text)] };
}

function artifactsOf({ output }: Standing): readonly WireArtifact[] {
  if (output === undefined) return [];
  return [{ artifactId: "output", name: "output", parts: [valuePart(output)] }];
}

/** What was sent, asked and answered. Messages of this side are named by their entry. */
function historyOf(name: TaskName, facts: readonly Fact[]): readonly WireMessage[] {
  const place = { taskId: taskIdOf(name), contextId: name.context };
  return facts.flatMap((fact): readonly WireMessage[] => {
    switch (fact.kind) {
      case "run.started":
        return [userMessage(place, name.message, fact.value)];
      case "signal.received":
        return [userMessage(place, fact.payload.id, fact.value)];
      case "step.opened": {
        const { step: kind } = fact.payload;
        if ((kind !== "approval" && kind !== "signal") || fact.path === undefined) return [];
        const question = { run: "", step: fact.path, kind };
        const shown = fact.value === undefined ? {} : { shown: fact.value };
        const asked = [{ ...question, ...shown }];
        const said = messageOf(place, fact.seq, [valuePart(askedJson(asked))]);
        return said === undefined ? [] : [said];
      }
      default:
        return [];
    }
  });
}

/** What is asked, for whoever answers: which run of ours asks is none of their business. */
function askedJson(questions: readonly OpenQuestion[]): Json {
  return {
    questions: questions.map(({ step, kind, shown, schema }) => ({
      step,
      kind,
      ...(shown === undefined ? {} : { shown }),
      ...(schema === undefined ? {} : { schema }),
    })),
  };
}

type MessagePlace = Required<Pick<WireMessage, "taskId" | "contextId">>;

function userMessage(place: MessagePlace, messageId: string, value: Json = null): WireMessage {
  return { messageId, role: "ROLE_USER", ...place, parts: [valuePart(value)] };
}

function messageOf(
  place: MessagePlace,
  seq: number,
  parts: readonly WirePart[],
): WireMessage | undefined {
  if (parts.length === 0) return undefined;
  return { messageId: `${place.taskId}@${seq}`, role: "ROLE_AGENT", ...place, parts };
}
