/**
 * Exit codes, mapped in this one table. Scripts depend on them: a number never changes its meaning.
 */
import { type ErrorCode, isBatonError } from "../model/errors.ts";

/** What the process tells whoever started it. */
export const EXIT = {
  ok: 0,
  /** What was asked for failed: the run failed, verify found problems, a replay differs, check found errors. */
  failed: 1,
  /** Wrong usage, or a configuration that can't be used. */
  usage: 2,
  notFound: 3,
  /** A conflict with what is there, or with another process. */
  conflict: 4,
  /** The store is damaged, full, or can't be written. */
  store: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const EXIT_OF_ERROR: Readonly<Record<ErrorCode, ExitCode>> = {
  VALUE_NOT_JSON: EXIT.usage,
  VALUE_TOO_LARGE: EXIT.usage,
  DEFINITION_INVALID: EXIT.usage,
  DURATION_INVALID: EXIT.usage,
  CONTRACT_ASYNC: EXIT.usage,
  CONTRACT_UNSTABLE: EXIT.failed,
  CONTRACT_VIOLATED: EXIT.failed,
  OVERLOADED: EXIT.failed,
  RUN_NOT_FOUND: EXIT.notFound,
  RUN_CONFLICT: EXIT.conflict,
  RUN_FAILED: EXIT.failed,
  RUN_COMPENSATED: EXIT.failed,
  RUN_CANCELLED: EXIT.failed,
  RUN_REFUSED: EXIT.failed,
  RUN_FINISHED: EXIT.conflict,
  WORKFLOW_NOT_FOUND: EXIT.notFound,
  WORKFLOW_CHANGED: EXIT.conflict,
  TOPIC_CHANGED: EXIT.conflict,
  TOPIC_NOT_FOUND: EXIT.notFound,
  EVENT_NOT_FOUND: EXIT.notFound,
  AGENT_NOT_FOUND: EXIT.notFound,
  NOT_REGISTERED: EXIT.notFound,
  NOT_GRANTED: EXIT.failed,
  REGISTRY_DRIFT: EXIT.failed,
  REGISTRY_CONFLICT: EXIT.conflict,
  REGISTRY_UNAVAILABLE: EXIT.failed,
  BREAKER_NOT_FOUND: EXIT.notFound,
  EVENT_REFUSED: EXIT.failed,
  EVENT_CONFLICT: EXIT.conflict,
  SUBSCRIPTION_NOT_FOUND: EXIT.notFound,
  BUDGET_NOT_FOUND: EXIT.notFound,
  MAXIMUM_EXCEEDED: EXIT.failed,
  INTERRUPT_UNANSWERED: EXIT.failed,
  AGENT_CARD_CHANGED: EXIT.conflict,
  AGENT_CARD_REFUSED: EXIT.conflict,
  SIGNAL_UNKNOWN: EXIT.notFound,
  SIGNAL_REFUSED: EXIT.conflict,
  COMPENSATION_UNKNOWN: EXIT.notFound,
  SAVEPOINT_NOT_FOUND: EXIT.notFound,
  PIVOT_PASSED: EXIT.conflict,
  STEP_NOT_PARKED: EXIT.notFound,
  OUTPUT_REFUSED: EXIT.usage,
  VERSION_NOT_FOUND: EXIT.notFound,
  FORK_REFUSED: EXIT.conflict,
  STORE_IN_USE: EXIT.conflict,
  STORE_NOT_FOUND: EXIT.notFound,
  STORE_FENCED: EXIT.conflict,
  STORE_FAILED: EXIT.store,
  STORE_CORRUPT: EXIT.store,
  STORE_NEWER: EXIT.store,
  STORE_READ_ONLY: EXIT.store,
  STORE_CLOSED: EXIT.store,
  STORE_UNSUITABLE: EXIT.store,
  TABLE_NOT_FOUND: EXIT.notFound,
  TABLE_FAILED: EXIT.store,
  TABLE_CORRUPT: EXIT.store,
  TABLE_UNSUITABLE: EXIT.conflict,
  TOOL_NOT_FOUND: EXIT.notFound,
  TOOL_CHANGED: EXIT.conflict,
  TOOL_FAILED: EXIT.failed,
  TOOL_SERVER_FAILED: EXIT.failed,
  TOOL_ANSWER_UNUSABLE: EXIT.failed,
  ENTRY_UNKNOWN: EXIT.store,
  JOURNAL_BROKEN: EXIT.store,
  CONTEXT_ENDED: EXIT.failed,
  USAGE_INVALID: EXIT.failed,
  MODEL_FAILED: EXIT.failed,
  MODEL_CUT_SHORT: EXIT.failed,
  MODEL_BLOCKED: EXIT.failed,
  MODEL_USAGE_MISSING: EXIT.failed,
  REMOTE_REFUSED: EXIT.failed,
  REMOTE_UNAVAILABLE: EXIT.failed,
  REMOTE_FAILED: EXIT.failed,
  REMOTE_INCOMPLETE: EXIT.failed,
  REMOTE_ASKS: EXIT.failed,
  REMOTE_ANSWER_INVALID: EXIT.failed,
  CREDENTIALS_REFUSED: EXIT.failed,
  CONFIG_INVALID: EXIT.usage,
  DEPENDENCY_MISSING: EXIT.usage,
  TRACES_REFUSED: EXIT.failed,
  ARGUMENT_INVALID: EXIT.usage,
  INVARIANT_BROKEN: EXIT.failed,
};

/** The exit code for a thrown error; `failed` for one that isn't Baton's. */
export function exitCodeOf(error: unknown): ExitCode {
  return isBatonError(error) ? (EXIT_OF_ERROR[error.code] ?? EXIT.failed) : EXIT.failed;
}
