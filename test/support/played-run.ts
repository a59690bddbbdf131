/**
 * Runs played in memory by the real decider with synchronous agents: the journals that an engine would have written.
 */
import { type Input, takeTurn } from "../../src/decide/accept.ts";
import { hasEnded, nextWakeAt } from "../../src/decide/decide.ts";
import type { Command } from "../../src/decide/turn.ts";
import { canonicalJson } from "../../src/journal/canonical.ts";
import { sha256Hex } from "../../src/journal/hash.ts";
import type { AgentContext } from "../../src/model/agent-definition.ts";
import type { Fact } from "../../src/model/entry.ts";
import { isBatonError } from "../../src/model/errors.ts";
import { type Json, sealJson } from "../../src/model/json.ts";
import { DEFAULT_LIMITS } from "../../src/model/limits.ts";
import { newRun } from "../../src/model/run.ts";
import type { WorkflowDefinition } from "../../src/model/workflow-definition.ts";
import type { Carried } from "../../src/decide/accept.ts";
import type { ForkPlan } from "../../src/history/fork.ts";
import { BEGAN_AT, type BuiltJournal, journalOfFacts } from "./journal-builder.ts";

export interface Play {
  readonly id?: string;
  /** Given one after another, whenever nothing else is left to happen. */
  readonly signals?: readonly { readonly step: string; readonly value: Json }[];
  readonly fork?: ForkPlan["fork"];
  readonly carried?: readonly Carried[];
  readonly inlinePayloadBytesMax?: number;
}

/** Plays a run to its end, or to where it waits for ever. */
export function play(
  definition: WorkflowDefinition,
  input: Json,
  options: Play = {},
): BuiltJournal {
  const id = options.id ?? "r1";
  const run = newRun(id, definition, DEFAULT_LIMITS);
  const facts: Fact[] = [];
  const signals = [...(options.signals ?? [])];
  let nowMs = BEGAN_AT;
  let inputs: readonly Input[] = [start(input, options)];
  while (true) {
    const turn = takeTurn(run, inputs, nowMs);
    facts.push(...turn.facts);
    nowMs += 1;
    inputs = turn.commands.flatMap((command) => perform(command, nowMs));
    if (inputs.length > 0) continue;
    if (hasEnded(run)) break;
    const signal = signals.shift();
    const wakeAt = nextWakeAt(run);
    if (signal !== undefined) {
      inputs = [{ kind: "signal", id: "s", by: { kind: "person", id: "ada" }, ...signal }];
    } else if (wakeAt !== undefined) {
      nowMs = Math.max(nowMs, wakeAt);
      inputs = [{ kind: "tick" }];
    } else break;
  }
  return journalOfFacts(id, facts, options.inlinePayloadBytesMax);
}

function start(input: Json, { fork, carried }: Play): Input {
  return {
    kind: "start",
    by: { kind: "program", id: "test" },
    engine: "baton@0.1.0",
    manifest: "m",
    traceId: "t",
    input,
    inputHash: sha256Hex(canonicalJson(input)),
    ...(fork === undefined ? {} : { fork }),
    ...(carried === undefined ? {} : { carried }),
  };
}

function perform(command: Command, nowMs: number): readonly Input[] {
  if (command.kind === "execute") return [execute(command)];
  if (command.kind !== "startChild") return [];
  const child = play(command.workflow, sealJson(command.input, "child input"), { id: command.run });
  const last = child.facts[child.facts.length - 1];
  const seq = last?.seq ?? nowMs;
  const error = { code: "CHILD", message: "The child did not complete." };
  const outcome =
    last?.kind === "run.completed"
      ? ({ kind: "completed", output: last.value ?? null, seq } as const)
      : ({ kind: "failed", error, seq } as const);
  return [{ kind: "child", path: command.path, outcome }];
}

function execute(command: Extract<Command, { kind: "execute" }>): Input {
  const { path, turn, attempt, agent, input, feedback } = command;
  const inputHash = sha256Hex(canonicalJson(input));
  const at = { path, turn, attempt, inputHash };
  try {
    // The agents of these tests use this much of their context.
    const context = { path, turn, attempt, feedback } as unknown as AgentContext;
    return {
      kind: "sealed",
      ...at,
      output: sealJson(agent.execute(input, context), "output"),
      tookMs: 3,
    };
  } catch (error) {
    const code = isBatonError(error) ? error.code : "Error";
    return {
      kind: "attemptFailed",
      ...at,
      error: { code, message: String(error) },
      final: false,
      random: 0,
    };
  }
}
