/**
 * Steps as they were written, made into what the engine sees. Nothing of what was given is trusted: types don't hold for those
 * who write JavaScript, or who cast. Each problem is a sentence; a step with one is not used.
 */
import { check } from "./check.ts";
import { isBatonError } from "./errors.ts";
import type { Json } from "./json.ts";
import { isStepName } from "./naming.ts";
import { type Reader, reader, shown } from "./option-reader.ts";
import { isAgent, isAsync, isContract, isWorkflow } from "./problems.ts";
import { isTopic } from "./topic.ts";
import type { WrittenCase, WrittenStep } from "./workflow-chain.ts";
import type {
  BranchCase,
  RefusalPolicy,
  Requirement,
  SavepointPolicy,
  SignalStep,
  StepDefinition,
  StepKind,
} from "./workflow-definition.ts";

/** Items of a map at the same time where it does not say: enough to hide waiting, too few to flood a service. */
export const MAP_CONCURRENCY_DEFAULT = 8;
/** More turns are not a correction any more. */
export const TURNS_MAX = 10;
/** A run that failed so often after the same step fails there again. */
export const SAVEPOINT_ATTEMPTS_MAX = 10;

const COMMON = ["needs", "when", "requires", "onRefused", "deadline", "savepoint", "pivot"];

/** Subscriptions are written otherwise; see choreography-build.ts. */
type WrittenKind = Exclude<StepKind, "subscription">;

const OPTIONS: { readonly [K in WrittenKind]: ReadonlySet<string> } = {
  agent: new Set([...COMMON, "input"]),
  map: new Set([...COMMON, "over", "input", "concurrency", "failures"]),
  branch: new Set([...COMMON, "choose"]),
  repeat: new Set([...COMMON, "input", "until", "limit", "atLimit"]),
  subflow: new Set([...COMMON, "input"]),
  sleep: new Set([...COMMON, "for", "until"]),
  approval: new Set([...COMMON, "show", "timeout", "onTimeout", "onDeclined", "remindEvery"]),
  signal: new Set([...COMMON, "contract", "timeout", "onTimeout", "remindEvery"]),
  emit: new Set([...COMMON, "data"]),
  event: new Set([...COMMON, "matches", "timeout", "onTimeout", "remindEvery"]),
};

const CASE_OPTIONS: ReadonlySet<string> = new Set(["input"]);

/** A step as the engine would see it, and what is wrong with it: only one without problems may be used. */
export interface ReadStep {
  readonly step: StepDefinition;
  readonly problems: readonly string[];
}

/** Reads a step that was written. Its name, needs and policy for refusals are there even where it has problems. */
export function readStep(written: WrittenStep): ReadStep {
  const { kind, name } = written;
  const found: string[] = [];
  const read = reader(`step "${name}"`, written.options, OPTIONS[kind], found);
  if (name === "input")
    found.push('A step is named "input", which is the name of what the run was started with.');
  else if (!isStepName(name))
    found.push(`The step's name "${name}" is not letters, digits, dashes and underscores.`);
  const base = { name, ...commonOf(read) };
  const own = OWN[kind](read, written);
  // What each kind reads is what its definition has; where a field is not of its type there is a problem.
  const step = Object.freeze({ kind, ...base, ...own }) as unknown as StepDefinition;
  return { step, problems: found };
}

const OWN: { readonly [K in WrittenKind]: (read: Reader, written: WrittenStep) => object } = {
  agent: (read, { target }) => ({ agent: agentOf(read, target), input: read.fn("input") }),
  map: (read, { target }) => ({
    agent: agentOf(read, target),
    over: read.fn("over"),
    input: read.fn("input"),
    concurrency: read.whole("concurrency", 1, MAP_CONCURRENCY_DEFAULT),
    failures: read.oneOf("failures", ["all", "settled"]),
  }),
  branch: (read, { cases = [] }) => ({ choose: read.fn("choose"), cases: casesOf(read, cases) }),
  repeat: (read, { target }) => ({
    agent: agentOf(read, target),
    input: read.fn("input"),
    until: read.fn("until"),
    limit: read.whole("limit", 1, undefined),
    atLimit: read.oneOf("atLimit", ["fail", "last"]),
  }),
  subflow: (read, { target }) => {
    if (!isWorkflow(target))
      read.problem("was not given a workflow (one that is finished, with its output)");
    return { workflow: target, input: read.fn("input") };
  },
  sleep: (read) => ({ wake: wakeOf(read) }),
  approval: (read) => ({
    show: read.fn("show"),
    ...patienceOf(read),
    onTimeout: read.oneOf("onTimeout", ["fail", "approved", "refused"]),
    ...(read.field("onDeclined") === undefined
      ? {}
      : { onDeclined: read.oneOf("onDeclined", ["goOn", "fail"]) }),
  }),
  signal: (read) => {
    const contract = read.field("contract");
    if (!isContract(contract)) read.problem("was given no contract");
    return { contract, ...patienceOf(read), onTimeout: signalTimeoutOf(read, contract) };
  },
  emit: (read, { target }) => ({ topic: topicOf(read, target), data: read.fn("data") }),
  event: (read, { target }) => {
    const topic = topicOf(read, target);
    const matches = read.field("matches") === undefined ? undefined : read.fn("matches");
    return {
      topic,
      ...(matches === undefined ? {} : { matches }),
      ...patienceOf(read),
      onTimeout: signalTimeoutOf(read, isTopic(topic) ? topic.contract : undefined),
    };
  },
};

function topicOf(read: Reader, target: unknown): unknown {
  if (!isTopic(target)) read.problem("was given no topic");
  return target;
}

interface Common {
  readonly needs: readonly string[];
  readonly when?: unknown;
  readonly requires: readonly Requirement[];
  readonly onRefused: RefusalPolicy;
  readonly savepoint?: SavepointPolicy;
  readonly pivot?: true;
  readonly deadlineMs?: number;
}

function commonOf(read: Reader): Common {
  const needs = needsOf(read);
  const deadlineMs = read.duration("deadline");
  if (deadlineMs === 0) read.problem("has a `deadline` of 0, which nothing could meet");
  const when = read.field("when") === undefined ? undefined : read.fn("when");
  return {
    needs,
    ...(when === undefined ? {} : { when }),
    requires: requiresOf(read),
    onRefused: refusalOf(read, needs),
    ...savepointOf(read),
    ...pivotOf(read),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
}

function savepointOf(read: Reader): { readonly savepoint?: SavepointPolicy } {
  const written = read.field("savepoint");
  if (written === undefined || written === false) return {};
  if (written === true) return { savepoint: ONE_ATTEMPT };
  if (typeof written !== "object" || written === null) {
    read.problem("has a `savepoint` that is neither true, false nor { attempts }");
    return {};
  }
  const part = read.part("savepoint", written, SAVEPOINT_OPTIONS);
  const attempts = part.whole("attempts", 0, undefined);
  if (attempts === undefined) return {};
  if (attempts > SAVEPOINT_ATTEMPTS_MAX)
    read.problem(`has a savepoint of ${attempts} attempts; at most ${SAVEPOINT_ATTEMPTS_MAX}`);
  return { savepoint: Object.freeze({ attempts }) };
}

const SAVEPOINT_OPTIONS: ReadonlySet<string> = new Set(["attempts"]);
const ONE_ATTEMPT: SavepointPolicy = Object.freeze({ attempts: 1 });

function pivotOf(read: Reader): { readonly pivot?: true } {
  const written = read.field("pivot");
  if (written === true) return { pivot: true };
  if (written !== undefined && written !== false)
    read.problem("has a `pivot` that is neither true nor false");
  return {};
}

const INPUT_ONLY: readonly string[] = Object.freeze(["input"]);

function needsOf(read: Reader): readonly string[] {
  const needs = read.field("needs");
  if (needs === undefined) return INPUT_ONLY;
  if (!Array.isArray(needs) || !needs.every((key) => typeof key === "string")) {
    read.problem("has `needs` that are not a list of names");
    return [];
  }
  for (const key of new Set(needs.filter((each, at) => needs.indexOf(each) !== at))) {
    read.problem(`needs "${key}" twice`);
  }
  return Object.freeze([...needs]);
}

/** The sentences that must hold before the handoff, each with its function. */
export function requiresOf(read: Reader): readonly Requirement[] {
  const requires = read.field("requires");
  if (requires === undefined) return NO_REQUIREMENTS;
  if (typeof requires !== "object" || requires === null) {
    read.problem("has `requires` that are not an object of sentences and functions");
    return [];
  }
  return Object.freeze(
    Object.entries(requires).map(([name, holds]) => {
      if (name.trim() === "") read.problem("has a requirement without a sentence that says it");
      if (typeof holds !== "function")
        read.problem(`has no function for the requirement "${name}"`);
      else if (isAsync(holds))
        read.problem(
          `has an asynchronous function for the requirement "${name}"; it must answer at once`,
        );
      // A requirement that is no function is a problem, and its step is not used.
      return Object.freeze({ name, holds: holds as Requirement["holds"] });
    }),
  );
}

const NO_REQUIREMENTS: readonly Requirement[] = Object.freeze([]);
const FAIL: RefusalPolicy = Object.freeze({ kind: "fail" });
const SKIP: RefusalPolicy = Object.freeze({ kind: "skip" });

function refusalOf(read: Reader, needs: readonly string[]): RefusalPolicy {
  const policy = read.field("onRefused") ?? "fail";
  if (policy === "fail") return FAIL;
  if (policy === "skip") return SKIP;
  if (
    typeof policy !== "object" ||
    policy === null ||
    !("sendBack" in policy) ||
    typeof policy.sendBack !== "string"
  ) {
    read.problem('has an `onRefused` that is not "fail", "skip" or { sendBack, turns }');
    return FAIL;
  }
  const to = policy.sendBack;
  const turns = "turns" in policy ? policy.turns : undefined;
  if (!needs.includes(to)) read.problem(`sends back to "${to}", which is not among its needs`);
  if (
    typeof turns === "number" &&
    Number.isSafeInteger(turns) &&
    turns >= 1 &&
    turns <= TURNS_MAX
  ) {
    return Object.freeze({ kind: "sendBack", to, turns });
  }
  read.problem(
    `sends back for ${shown(turns)} turns, which is not a whole number from 1 to ${TURNS_MAX}`,
  );
  return FAIL;
}

function agentOf(read: Reader, target: unknown): unknown {
  if (!isAgent(target)) read.problem("was not given an agent");
  return target;
}

function casesOf(read: Reader, written: readonly WrittenCase[]): ReadonlyMap<string, BranchCase> {
  const cases = new Map<string, BranchCase>();
  if (written.length === 0) read.problem("has no cases");
  for (const { key, target, options } of written) {
    if (typeof key !== "string") read.problem(`has a case ${String(key)}, which is not a string`);
    else if (cases.has(key)) read.problem(`has the case "${key}" twice`);
    // Where it is not a function there is a problem, and the step is not used.
    const input = read
      .part(`case "${key}"`, options, CASE_OPTIONS)
      .fn("input") as BranchCase["input"];
    if (isAgent(target)) cases.set(key, Object.freeze({ kind: "agent", agent: target, input }));
    else if (isWorkflow(target))
      cases.set(key, Object.freeze({ kind: "workflow", workflow: target, input }));
    else read.problem(`has a case "${key}" that is neither an agent nor a finished workflow`);
  }
  return cases;
}

function wakeOf(read: Reader): object | undefined {
  const after = read.field("for");
  if ((after === undefined) === (read.field("until") === undefined)) {
    read.problem("must have either `for` or `until`");
    return undefined;
  }
  if (after === undefined) return Object.freeze({ kind: "at", at: read.fn("until") });
  return Object.freeze({ kind: "after", afterMs: read.duration("for") });
}

function patienceOf(read: Reader): object {
  const timeoutMs = read.duration("timeout");
  const remindEveryMs = read.duration("remindEvery");
  if (read.field("timeout") === undefined) {
    if (read.field("remindEvery") === undefined) {
      read.problem(
        "has neither `timeout` nor `remindEvery`, so it could wait for ever and nobody would be told",
      );
    }
    if (read.field("onTimeout") !== undefined) read.problem("has `onTimeout` but no `timeout`");
  }
  if (timeoutMs !== undefined && read.field("deadline") !== undefined)
    read.problem("has both a `timeout` and a `deadline`: one of them would never count");
  if (remindEveryMs === 0) read.problem("has a `remindEvery` of 0, which would never end");
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(remindEveryMs === undefined ? {} : { remindEveryMs }),
  };
}

function signalTimeoutOf(read: Reader, contract: unknown): SignalStep["onTimeout"] {
  const policy = read.field("onTimeout") ?? "fail";
  if (policy === "fail") return FAIL_IN_TIME;
  if (policy === "skip") return SKIP_IN_TIME;
  if (typeof policy !== "object" || policy === null || !("value" in policy)) {
    read.problem('has an `onTimeout` that is not "fail", "skip" or { value }');
    return FAIL_IN_TIME;
  }
  const value = isContract(contract) ? checkedDefault(read, contract, policy.value) : null;
  return Object.freeze({ kind: "value", value });
}

const FAIL_IN_TIME: SignalStep["onTimeout"] = Object.freeze({ kind: "fail" });
const SKIP_IN_TIME: SignalStep["onTimeout"] = Object.freeze({ kind: "skip" });

function checkedDefault(read: Reader, contract: Parameters<typeof check>[0], value: unknown): Json {
  try {
    const checked = check(contract, value, "default of a signal", "edge");
    if (checked.kind === "ok") return checked.value;
    for (const { message } of checked.violations)
      read.problem(`has a default that breaks its contract: ${message}`);
  } catch (error) {
    if (!isBatonError(error)) throw error;
    read.problem(`has a default that can't be checked: ${error.message}`);
  }
  return null;
}
