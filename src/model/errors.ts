/**
 * Errors: one class, one closed table of codes.
 *
 * An error here is the caller's mistake or the world's. An outcome that is part of the work (a refused handoff, an append
 * that met a conflict, an agent that failed) is a returned value or an entry, never one of these.
 */

/** Every code that Baton raises, with the hint given where the place that raises it has no better one. */
export const ERROR_CODES = {
  VALUE_NOT_JSON:
    "Use JSON values only: dates as ISO strings, money as minor units or decimal strings, no undefined, NaN or class instances.",
  VALUE_TOO_LARGE:
    "Make the value smaller, keep it outside and pass a reference, or raise the limit that the message names.",
  DEFINITION_INVALID: "Mend every problem in `details.problems`; they are all listed at once.",
  DURATION_INVALID: 'Write a whole number and a unit: "250ms", "5s", "10m", "24h", "7d".',
  CONTRACT_ASYNC: "Use a schema that validates synchronously; look things up in an agent instead.",
  CONTRACT_UNSTABLE:
    "Move the transformation to the outer edge: what a contract gives out must validate again unchanged.",
  CONTRACT_VIOLATED:
    "See `details.violations`: each names the contract, the path, the rule and what was found.",
  OVERLOADED:
    "Nothing was kept: start the run again after `details.retryAfterMs`, or raise `limits.queuedRunsMax`.",
  RUN_NOT_FOUND: "List the runs with `baton runs`; check the namespace and the store.",
  RUN_CONFLICT:
    "The same run id was used for another workflow or input. Use a new id, or read the run that has it.",
  RUN_FAILED: "See the run's journal: `baton show <run>`.",
  RUN_COMPENSATED:
    "The run did not complete, and what it had done was undone: `baton show <run>` tells why and how.",
  RUN_CANCELLED: "The run was cancelled; its journal says by whom.",
  RUN_REFUSED: "The input breaks the workflow's contract; see `details.violations`.",
  RUN_FINISHED: "The run has ended; start or fork another one.",
  WORKFLOW_NOT_FOUND: "Pass the workflow (this version of it) in `workflows` when opening Baton.",
  WORKFLOW_CHANGED:
    "The graph changed under the same version. Give the workflow a new version and keep the old one beside it while runs need it.",
  TOPIC_CHANGED:
    "A topic's newer contract must accept what was published under the older ones: make what is new optional, or name another topic. Another schema needs another version.",
  EVENT_NOT_FOUND: "List the events of a topic with `baton events <topic>`.",
  TOPIC_NOT_FOUND:
    "List the topics with `baton topics`; one is known once a workflow names it, or once it had an event.",
  AGENT_NOT_FOUND:
    "Pass this version of the agent in `agents`, or in a workflow, when opening Baton.",
  NOT_REGISTERED:
    "Register what is in the code with `baton registry publish`; `baton registry list` shows what is there.",
  NOT_GRANTED:
    "Let its owner grant it: `baton registry grant <kind> <name> <principal>`. `baton registry show` tells who owns it, and who may.",
  REGISTRY_DRIFT:
    "What is registered under this version is something else than the code. Give what was changed a new version and publish it: `baton registry drift` names the differences.",
  REGISTRY_CONFLICT:
    "A version that is registered is never changed. Give what was changed a new version, and publish that.",
  REGISTRY_UNAVAILABLE:
    "The registry could not be asked, and without its answer nothing is called. See `cause`; the agent's retries ask again.",
  AGENT_CARD_CHANGED: "Read the card anew; if the change is right, pin its hash (`details.hash`).",
  AGENT_CARD_REFUSED:
    "See the message: the remote agent's card is not what the agent of this side takes.",
  BREAKER_NOT_FOUND:
    "List the breakers with `baton breakers`; one is known once an agent names it, or once it was opened.",
  EVENT_REFUSED:
    "Publish data that keeps to the topic's contract; `details.violations` says what does not.",
  EVENT_CONFLICT: "The same event id was used for another topic or other data. Use a new id.",
  SUBSCRIPTION_NOT_FOUND:
    "List the subscriptions with `baton subscriptions`: each choreography that was given to open() has one.",
  BUDGET_NOT_FOUND:
    "List the budgets with `baton budgets`; one is known once an agent or a workflow names it, or once it was used.",
  MAXIMUM_EXCEEDED:
    "The attempt used more than the agent's `maximum`. Raise it to what a call may really use, or make the call smaller.",
  SIGNAL_UNKNOWN: "Name an approval or awaitSignal step of the run's workflow.",
  SIGNAL_REFUSED:
    "The step has already been settled, or the payload breaks its contract; see `details`.",
  COMPENSATION_UNKNOWN:
    "List what waits for a person with `baton dead-letters`, and name a run and a path of it.",
  SAVEPOINT_NOT_FOUND:
    "Name a step with `savepoint` that the run has sealed, and whose value still stands: `baton state <run>` shows them.",
  PIVOT_PASSED:
    "Once a pivot is sealed the run only goes forward. What failed after it waits among the dead letters: `baton dead-letters`.",
  STEP_NOT_PARKED:
    "List what waits for a person with `baton dead-letters`, and name a run and a path of it.",
  OUTPUT_REFUSED:
    "What was done by hand must be what the agent's output contract accepts; see `details.violations`.",
  VERSION_NOT_FOUND:
    "Versions of a run go from 0 (the input) to the number that `baton show <run>` prints.",
  FORK_REFUSED:
    "See the message: another input is possible at version 0 only, and agents that are replaced must fit the workflow.",
  STORE_IN_USE:
    "One process writes to a store at a time. Stop the other process, or open the store with `readOnly: true`.",
  STORE_NOT_FOUND:
    "Nothing is stored there yet: `baton run` makes the store. Check `--store`, or the `store` of baton.config.ts.",
  STORE_FENCED:
    "Another process has taken the store over. This one must stop; its unfinished steps are executed by the new owner.",
  STORE_FAILED:
    "The store could not commit; nothing of this append was kept. See `cause` (disk full, read-only file, I/O error).",
  STORE_CORRUPT:
    "The file is damaged or was changed by hand. Run `baton verify`, and restore from a copy.",
  STORE_NEWER: "The file was written by a newer Baton. Upgrade this one.",
  STORE_READ_ONLY: "This Baton was opened for reading only.",
  STORE_CLOSED: "Baton was closed; open it again.",
  STORE_UNSUITABLE:
    "Put the file on a local disk: locks on network file systems cannot be trusted.",
  TABLE_NOT_FOUND:
    "Write the tables with `baton export delta`; check the place and the version that were named.",
  TABLE_FAILED:
    "The place of the tables could not be read or written; see `cause` (disk full, no permission, no connection). Nothing is written twice: try again.",
  TABLE_CORRUPT:
    "The Delta table was damaged or changed by hand. Write the journal to another place: `baton export delta` begins from its beginning.",
  TABLE_UNSUITABLE:
    "Write to a place of its own: another store's tables, and tables with Delta features that Baton does not know, are left alone.",
  TOOL_NOT_FOUND:
    "Name a tool that the MCP server lists; if it has gone, the server was changed, or this caller may not see it.",
  TOOL_CHANGED:
    "The MCP server changed the tool. Look at `details.pinned` and `details.live`; if it is right so, pin the tool as it is now and give the agent a new version.",
  TOOL_FAILED: "The tool of an MCP server said so itself; see `details.answer`.",
  TOOL_SERVER_FAILED:
    "The MCP server could not be reached, refused the call or broke off; see `cause`, and the server's own log.",
  TOOL_ANSWER_UNUSABLE:
    "The tool's answer can't be the agent's output. Give the agent a `result` function, or another output contract.",
  ENTRY_UNKNOWN:
    "The journal has an entry of a kind or version that this Baton does not know. Upgrade.",
  JOURNAL_BROKEN: "Run `baton verify` to see which entry was changed, removed, added or moved.",
  CONTEXT_ENDED:
    "The attempt has ended (returned, timed out or was aborted): its context may not be used any more.",
  USAGE_INVALID: "Report tokens as whole numbers of zero or more, with the model's name.",
  INTERRUPT_UNANSWERED:
    "Run the graph by `langgraphWorkflow`, which asks a person, with as many `questions` as it may ask.",
  MODEL_FAILED:
    "See `details` and `cause`: the provider's answer, and whether it asks to be left alone for a while.",
  MODEL_CUT_SHORT:
    "Raise `maxOutputTokens` (or `stepsMax`, where it still called tools), or ask for a shorter answer.",
  MODEL_BLOCKED:
    "The provider does not want to answer this. Look at the input, or let a person do the step.",
  MODEL_USAGE_MISSING:
    "Have the provider tell what a call uses (`includeUsage` of OpenAI-compatible ones, where it is streamed), or take the `maximum` off the agent.",
  REMOTE_REFUSED:
    "See what it answered: the request, its address, or who may ask there. Another attempt would be refused, too.",
  REMOTE_UNAVAILABLE:
    "Try again, where `details.retryAfterMs` says so then; a breaker spares an agent that is down.",
  REMOTE_FAILED: "The agent there says why, in `details`; its own traces and logs say more.",
  REMOTE_INCOMPLETE:
    "It was cut off, or is still at it: raise what it may use, or ask again with the same run id.",
  REMOTE_ASKS:
    'Nobody is there to answer: give it all that it needs, put an approval step before this one, or, over A2A, answer there with `onAsked: "wait"`.',
  REMOTE_ANSWER_INVALID:
    "Have the agent answer with what the output contract wants, or read its answer by `fromResponse`.",
  CREDENTIALS_REFUSED: "Give credentials that are valid there, and have not expired.",
  CONFIG_INVALID: "See docs/reference/cli.md for what a baton.config.ts exports.",
  TRACES_REFUSED:
    "Look at the collector's address, headers and log. Nothing is lost: traces are made of the journal, and sent again.",
  DEPENDENCY_MISSING: "Install the package that the message names.",
  ARGUMENT_INVALID: "See the message for what is taken.",
  INVARIANT_BROKEN:
    "This is a bug in Baton: please report it with the journal of the run (`baton show <run> --json`).",
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

const BRAND = Symbol.for("baton.error");

export interface ErrorOptions {
  /** What to do about it; the code's own hint if left out. */
  readonly hint?: string;
  /** Data for programs: ids, paths, problems. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The one error class. Recognise it with {@link isBatonError}, which also works across two copies of the package. */
export class BatonError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly [BRAND] = true;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "BatonError";
    this.code = code;
    this.hint = options.hint ?? ERROR_CODES[code];
    this.details = options.details ?? {};
  }
}

/** Whether `value` is a Baton error (with the given code, if one is given). */
export function isBatonError(value: unknown, code?: ErrorCode): value is BatonError {
  if (typeof value !== "object" || value === null || !(BRAND in value)) return false;
  return code === undefined || ("code" in value && value.code === code);
}

/** Stops what is going on when our own assumption is broken: a bug in Baton, never the caller's mistake. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BatonError("INVARIANT_BROKEN", message);
}
