/** What a run asks: approvals and signals that are waited for, in the run and in those that are part of it. */
import { factOf, type RecordedEntry } from "../../history/read.ts";
import type { RunWaits } from "../../history/waits.ts";
import { check } from "../../model/check.ts";
import { isBatonError } from "../../model/errors.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { sameJson } from "../../model/json-pointer.ts";
import type {
  SignalStep,
  StepDefinition,
  WorkflowDefinition,
} from "../../model/workflow-definition.ts";
import type { ServedBaton } from "../served-baton.ts";
import { entriesOf } from "./run-entries.ts";

/** How deep runs within runs are looked into. */
const DEPTH_MAX = 10;

/** One thing that is asked. */
export interface OpenQuestion {
  /** The run that asks: the task's own, or one that is part of it. */
  readonly run: string;
  readonly step: string;
  readonly kind: "approval" | "signal";
  /** What whoever approves is shown. */
  readonly shown?: Json;
  /** The JSON Schema of the answer, where it is known. */
  readonly schema?: JsonObject;
}

/** What a run and those within it ask now. */
export async function openQuestions(
  baton: Pick<ServedBaton, "waits">,
  definitions: Definitions,
  run: string,
  depth = 0,
): Promise<readonly OpenQuestion[]> {
  const { waits, workflow } = await waitsOf(baton, run, depth);
  const found: OpenQuestion[] = [];
  for (const wait of waits) {
    if (wait.what === "run" && depth < DEPTH_MAX)
      found.push(...(await openQuestions(baton, definitions, wait.run, depth + 1)));
    if (wait.what !== "approval" && wait.what !== "signal") continue;
    const schema = answerSchema(definitions, workflow, wait.path);
    found.push({
      run,
      step: wait.path,
      kind: wait.what,
      ...(wait.shown === undefined ? {} : { shown: wait.shown }),
      ...(schema === undefined ? {} : { schema }),
    });
  }
  return found;
}

/** A child run is named before it begins: until then it asks nothing. */
async function waitsOf(
  baton: Pick<ServedBaton, "waits">,
  run: string,
  depth: number,
): Promise<Pick<RunWaits, "waits" | "workflow">> {
  try {
    return await baton.waits(run);
  } catch (error) {
    if (depth > 0 && isBatonError(error, "RUN_NOT_FOUND")) return { waits: [], workflow: "" };
    throw error;
  }
}

/** Definitions by `name@version`, those that are nested too. */
export type Definitions = ReadonlyMap<string, WorkflowDefinition>;

export function allDefinitions(workflows: readonly WorkflowDefinition[]): Definitions {
  const found = new Map<string, WorkflowDefinition>();
  const add = (definition: WorkflowDefinition): void => {
    if (found.has(definition.id)) return;
    found.set(definition.id, definition);
    for (const step of definition.steps) nestedIn(step).forEach(add);
  };
  workflows.forEach(add);
  return found;
}

function nestedIn(step: StepDefinition): readonly WorkflowDefinition[] {
  if (step.kind === "subflow") return [step.workflow];
  if (step.kind !== "branch") return [];
  return [...step.cases.values()].flatMap((each) =>
    each.kind === "workflow" ? [each.workflow] : [],
  );
}

const APPROVAL_SCHEMA: JsonObject = {
  type: "object",
  properties: { approved: { type: "boolean" }, reason: { type: "string" } },
  required: ["approved"],
};

function answerSchema(
  definitions: Definitions,
  workflow: string,
  step: string,
): JsonObject | undefined {
  const definition = definitions.get(workflow)?.stepByName.get(step);
  if (definition?.kind === "approval") return APPROVAL_SCHEMA;
  return definition?.kind === "signal" ? definition.contract.accepts : undefined;
}

/** What became of an answer that is sent again. */
export type Answered = "not yet" | "the same" | "another";

/** Whether a message was taken as an answer before, by the run or one within it. */
export async function answeredBefore(
  baton: Pick<ServedBaton, "entries">,
  definitions: Definitions,
  run: string,
  message: { readonly id: string; readonly value: Json },
  depth = 0,
): Promise<Answered> {
  const entries = await entriesSoFar(baton, run);
  const taken = entries.find(
    ({ entry }) => entry.kind === "signal.received" && entry.payload["id"] === message.id,
  );
  if (taken !== undefined) {
    const workflow = entries[0]?.entry.payload["workflow"];
    const definition = typeof workflow === "string" ? definitions.get(workflow) : undefined;
    const step = definition?.stepByName.get(taken.entry.path ?? "");
    return isSame(taken.value ?? null, message.value, step) ? "the same" : "another";
  }
  for (const child of depth < DEPTH_MAX ? childRuns(entries) : []) {
    const answered = await answeredBefore(baton, definitions, child, message, depth + 1);
    if (answered !== "not yet") return answered;
  }
  return "not yet";
}

async function entriesSoFar(
  baton: Pick<ServedBaton, "entries">,
  run: string,
): Promise<readonly RecordedEntry[]> {
  try {
    return await entriesOf(baton, run);
  } catch (error) {
    if (isBatonError(error, "RUN_NOT_FOUND")) return [];
    throw error;
  }
}

/** The runs that a run has begun as parts of it. */
export function childRuns(entries: readonly RecordedEntry[]): readonly string[] {
  return entries.flatMap((recorded) => childOf(recorded) ?? []);
}

export function childOf(recorded: RecordedEntry): string | undefined {
  const fact = factOf(recorded);
  if (fact.kind !== "step.opened") return undefined;
  return "run" in fact.payload ? fact.payload.run : undefined;
}

function isSame(taken: Json, sent: Json, step: StepDefinition | undefined): boolean {
  if (step?.kind === "signal") return sameJson(taken, asTaken(step, sent));
  // An approval is kept with who gave it.
  return ["approved", "reason"].every((field) =>
    sameJson(fieldOf(taken, field), fieldOf(sent, field)),
  );
}

/** What a contract makes of an answer: with its defaults, say. */
function asTaken({ contract, name }: SignalStep, sent: Json): Json {
  const checked = check(contract, sent, `signal ${name}`, "edge");
  return checked.kind === "ok" ? checked.value : null;
}

function fieldOf(value: Json, field: string): Json {
  return typeof value === "object" && value !== null && field in value
    ? ((value as JsonObject)[field] ?? null)
    : null;
}
