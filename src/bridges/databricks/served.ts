/** How a workflow is served: the options, checked, and what stands behind every request. */
import type { Duration } from "../../model/duration.ts";
import type { Author } from "../../model/entry.ts";
import type { Frozen, Json } from "../../model/json.ts";
import { definitionInvalid, durationOr, isWorkflow, unknownOptions } from "../../model/problems.ts";
import type { Workflow } from "../../model/workflow-types.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LogSink } from "../../ports/log-sink.ts";
import { appAuthor, programAuthor } from "./app-author.ts";
import { machineClock } from "../machine-clock.ts";
import type { ResponsesRequest } from "./responses-request.ts";
import type { ServedBaton } from "../served-baton.ts";

/** What {@link responsesAgent} takes. */
export interface ResponsesAgentOptions<In, Out> {
  /** The agent's name, and the author of its runs; the workflow's if left out. */
  readonly name?: string;
  /**
   * The name of the Databricks App that it runs in: what the platform gives as `DATABRICKS_APP_NAME`, if left out. In an app the
   * platform's headers name the user, for whom runs are begun then; elsewhere anybody could write them, and nobody reads them.
   */
  readonly app?: string;
  /** Who begins the run of a request, and may join it again. If left out: the agent, in an app on behalf of its user. */
  readonly author?: (request: Request) => Author;
  /** How long a request waits for the end of its run; `"50s"` if left out. Then it is answered `incomplete`, and the run goes on. */
  readonly wait?: Duration;
  /**
   * What a run is started with; undefined where the request only joins one. If left out: `custom_inputs.input`, or the last message
   * of the user (as JSON, unless the workflow takes text). The workflow's contract checks it.
   */
  readonly toInput?: (request: ResponsesRequest) => NoInfer<In> | undefined;
  /** The text of the answer. If left out: the output itself where it is text, else as JSON. */
  readonly toText?: (output: NoInfer<Frozen<Out>>) => string;
  /** The step whose streamed text is passed on as it comes. If left out the text comes at once, when the run has ended. */
  readonly deltas?: string;
  /** How large the body of a request may be; 4 MiB if left out. */
  readonly bodyBytesMax?: number;
  /** Requests that wait at the same time for the ends of their runs; 1,000 if left out. One more is answered 429. */
  readonly requestsMax?: number;
  /** The clock of `wait`; the machine's if left out. */
  readonly clock?: Pick<Clock, "after" | "now">;
  /** Told of errors that whoever asked is told nothing of. Nobody is, if left out. It must not throw. */
  readonly log?: LogSink;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof ResponsesAgentOptions<never, never>>([
  "name",
  "app",
  "author",
  "wait",
  "toInput",
  "toText",
  "deltas",
  "bodyBytesMax",
  "requestsMax",
  "clock",
  "log",
]);

/** The gateway in front of apps waits a minute for the beginning of an answer. */
const WAIT_MS = 50_000;
const BODY_BYTES_MAX = 4 * 1024 * 1024;
/** Each holds a connection and a watcher of its run. */
const REQUESTS_MAX = 1_000;

/** A workflow that is served. */
export interface Served {
  readonly baton: ServedBaton;
  readonly workflow: WorkflowDefinition;
  readonly name: string;
  readonly author: (request: Request) => Author;
  readonly waitMs: number;
  readonly toInput: ((request: ResponsesRequest) => unknown) | undefined;
  readonly toText: (output: Json) => string;
  readonly deltas: string | undefined;
  readonly bodyBytesMax: number;
  readonly requestsMax: number;
  readonly clock: Pick<Clock, "after" | "now">;
  readonly log: LogSink;
  /** Requests that are being answered. */
  held: number;
}

/** @throws BatonError DEFINITION_INVALID */
export function served<In, Out>(
  baton: ServedBaton,
  workflow: Workflow<In, Out>,
  options: ResponsesAgentOptions<In, Out>,
): Served {
  const problems = unknownOptions(options, OPTIONS, "the agent");
  const { bodyBytesMax = BODY_BYTES_MAX, requestsMax = REQUESTS_MAX, deltas } = options;
  const waitMs = durationOr(options.wait, "wait", problems) ?? WAIT_MS;
  for (const [name, value] of Object.entries({ bodyBytesMax, requestsMax }))
    if (!(Number.isSafeInteger(value) && value >= 1))
      problems.push(`\`${name}\`, ${value}, is not a whole number of 1 or more.`);
  if (!isWorkflow(workflow))
    throw definitionInvalid("served agent", [...problems, "There is no workflow to serve."]);
  if (deltas !== undefined && !workflow.stepByName.has(deltas))
    problems.push(`\`deltas\` names the step "${deltas}", which ${workflow.id} does not have.`);
  if (problems.length > 0) throw definitionInvalid(`served agent of ${workflow.id}`, problems);
  const app = options.app ?? process.env["DATABRICKS_APP_NAME"];
  const name = options.name ?? workflow.name;
  const { toText = textOf } = options;
  return {
    baton,
    workflow,
    name: app ?? name,
    author: options.author ?? (app === undefined ? programAuthor(name) : appAuthor(name)),
    waitMs,
    toInput: options.toInput,
    // The output has passed the workflow's contract, if it has one; else its type is the caller's word.
    toText: toText as (output: Json) => string,
    deltas,
    bodyBytesMax,
    requestsMax,
    clock: options.clock ?? machineClock,
    log: options.log ?? (() => {}),
    held: 0,
  };
}

function textOf(output: unknown): string {
  return typeof output === "string" ? output : JSON.stringify(output);
}
