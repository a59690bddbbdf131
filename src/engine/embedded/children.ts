/** Child runs: a parent starts one, or joins the one that is there; its end comes back as an input. */
import type { Command } from "../../decide/turn.ts";
import { ENGINE } from "../../decide/turn.ts";
import { isBatonError } from "../../model/errors.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { manifestBlob } from "../manifests.ts";
import { openChild } from "../../decide/steps/child.ts";
import { childOutcome } from "./outcomes.ts";
import { failureOf } from "./attempt-output.ts";
import type { Actor, Arrived, Children, Core } from "./core.ts";
import { deliver } from "./inbox.ts";
import type { StartRequest } from "../engine.ts";
import { rollBack } from "./rollbacks.ts";
import { actorOf, readOutcome, startRun } from "./runs.ts";

/** Pause before a child that the store could not start, or give, is asked for again. */
const RETRY_MS = 1_000;

type StartChild = Extract<Command, { readonly kind: "startChild" }>;
type CompensateChild = Extract<Command, { readonly kind: "compensateChild" }>;

export function children(core: () => Core): Children {
  // By `parent path`: what is being started, or asked for again because the store could not.
  const starting = new Set<string>();
  return {
    start: (parent, command) => {
      const key = `${parent.id} ${command.path}`;
      starting.add(key);
      join(core(), parent, command, () => starting.delete(key));
    },
    isStarting: (parent, path) => starting.has(`${parent.id} ${path}`),
    cancel: (parent, reason) => {
      for (const [path, performing] of parent.run.performing) {
        if (performing.agent === undefined) void cancelChild(core(), parent, path, reason);
      }
    },
    compensate: (parent, command) => void compensate(core(), parent, command),
  };
}

/** Tries until the child is there, or its parent is not: `over` is called once. */
function join(core: Core, parent: Actor, command: StartChild, over: () => void): void {
  startOrJoin(core, parent, command).then(over, (error: unknown) => {
    const again = () => join(core, parent, command, over);
    if (!failed(core, parent, command.path, error, { again, gone: over })) over();
  });
}

async function startOrJoin(core: Core, parent: Actor, command: StartChild): Promise<void> {
  const { run, path, workflow, input, hops, deadlineAt } = command;
  await startRun(core, {
    id: run,
    definition: workflow,
    input,
    by: ENGINE,
    parent: { run: parent.id, path },
    correlation: parent.run.correlation,
    ...(hops === undefined ? {} : { hops }),
    ...(deadlineAt === undefined ? {} : { deadlineAt }),
    ...manifestIfNew(core, workflow),
  });
  if (core.actors.has(run)) return;
  await handOver(core, parent, path, run);
}

/** A nested workflow with the agents that its parent is pinned to is not among those that were registered at open. */
function manifestIfNew(
  core: Core,
  workflow: WorkflowDefinition,
): Partial<Pick<StartRequest, "blobs">> {
  return core.catalogue.workflows.get(workflow.id) === workflow
    ? {}
    : { blobs: [manifestBlob(workflow)] };
}

interface Again {
  readonly again: () => void;
  /** Its parent has left memory meanwhile. */
  readonly gone?: () => void;
}

/**
 * A store that can't commit or read now may do so later; a parent must not fail over that. All else is the child's failure.
 * Gives whether it is tried again.
 */
function failed(
  core: Core,
  parent: Actor,
  path: string,
  error: unknown,
  { again, gone }: Again,
): boolean {
  if (core.stopped !== undefined || core.closing) return false;
  if (!isBatonError(error, "STORE_FAILED")) {
    deliver(core, parent, {
      kind: "child",
      path,
      outcome: { kind: "failed", error: failureOf(error), seq: 0 },
    });
    return false;
  }
  core.clock.after(RETRY_MS, () => {
    if (!parent.dropped && parent.run.performing.has(path)) again();
    else gone?.();
  });
  return true;
}

/** The child is not in memory: it has ended, or it must be brought back so that it can. */
async function handOver(core: Core, parent: Actor, path: string, run: string): Promise<void> {
  const ended = await readOutcome(core, run);
  if (ended !== undefined) {
    const outcome = childOutcome(ended.outcome, ended.seq);
    deliver(core, parent, { kind: "child", path, run, outcome });
    return;
  }
  try {
    await actorOf(core, run);
  } catch (error) {
    if (!isBatonError(error, "RUN_FINISHED")) throw error;
    await handOver(core, parent, path, run);
  }
}

async function compensate(core: Core, parent: Actor, command: CompensateChild): Promise<void> {
  const { path, run, reason } = command;
  try {
    const why = { because: "parent", error: reason.error } as const;
    await rollBack(core, run, { by: ENGINE, reason: why });
  } catch (error) {
    if (isBatonError(error, "RUN_FINISHED"))
      await handOver(core, parent, path, run).catch((cause: unknown) =>
        failed(core, parent, path, cause, {
          again: () => void compensate(core, parent, command),
        }),
      );
    else
      failed(core, parent, path, error, {
        again: () => void compensate(core, parent, command),
      });
  }
}

async function cancelChild(core: Core, parent: Actor, path: string, reason: string): Promise<void> {
  const id = openChild(parent.run, path);
  if (id === undefined) return;
  try {
    const child = await actorOf(core, id);
    const cancel = { kind: "cancel", by: ENGINE, reason: `The parent run is ${reason}.` } as const;
    // An actor that was to start the child, and finds it there, leaves memory with whatever it was told meanwhile.
    const arrived = await new Promise<Arrived>((done) => deliver(core, child, cancel, done));
    if (arrived.kind === "failed") throw arrived.error;
  } catch (error) {
    if (isBatonError(error, "RUN_FINISHED")) await handOver(core, parent, path, id);
    else
      failed(core, parent, path, error, {
        again: () => void cancelChild(core, parent, path, reason),
      });
  }
}
