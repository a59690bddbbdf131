/** Child runs: a parent starts one, or joins the one that is there; its end comes back as an input. */
import type { Command } from "../../decide/turn.ts";
import { ENGINE } from "../../decide/turn.ts";
import { isBatonError } from "../../model/errors.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { manifestBlob } from "../manifests.ts";
import { childOutcome } from "./actors.ts";
import { failureOf } from "./attempt-output.ts";
import type { Actor, Children, Core } from "./core.ts";
import { deliver } from "./inbox.ts";
import type { StartRequest } from "../engine.ts";
import { rollBack } from "./rollbacks.ts";
import { actorOf, readOutcome, startRun } from "./runs.ts";

/** Pause before a child that the store could not start, or give, is asked for again. */
const RETRY_MS = 1_000;

type StartChild = Extract<Command, { readonly kind: "startChild" }>;
type CompensateChild = Extract<Command, { readonly kind: "compensateChild" }>;

export function children(core: () => Core): Children {
  return {
    start: (parent, command) => void join(core(), parent, command),
    cancel: (parent, reason) => {
      for (const [path, performing] of parent.run.performing) {
        if (performing.agent === undefined) void cancelChild(core(), parent, path, reason);
      }
    },
    compensate: (parent, command) => void compensate(core(), parent, command),
  };
}

async function join(core: Core, parent: Actor, command: StartChild): Promise<void> {
  const { run, path, workflow, input } = command;
  try {
    await startRun(core, {
      id: run,
      definition: workflow,
      input,
      by: ENGINE,
      parent: { run: parent.id, path },
      correlation: parent.run.correlation,
      ...manifestIfNew(core, workflow),
    });
    if (core.actors.has(run)) return;
    await handOver(core, parent, path, run);
  } catch (error) {
    failed(core, parent, path, error, () => void join(core, parent, command));
  }
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

/** A store that can't commit or read now may do so later; a parent must not fail over that. All else is the child's failure. */
function failed(core: Core, parent: Actor, path: string, error: unknown, again: () => void): void {
  if (core.stopped !== undefined || core.closing) return;
  if (!isBatonError(error, "STORE_FAILED")) {
    deliver(core, parent, {
      kind: "child",
      path,
      outcome: { kind: "failed", error: failureOf(error), seq: 0 },
    });
    return;
  }
  core.clock.after(RETRY_MS, () => {
    if (!parent.dropped && parent.run.performing.has(path)) again();
  });
}

/** The child is not in memory: it has ended, or it must be brought back so that it can. */
async function handOver(core: Core, parent: Actor, path: string, run: string): Promise<void> {
  const ended = await readOutcome(core, run);
  if (ended !== undefined) {
    deliver(core, parent, { kind: "child", path, outcome: childOutcome(ended.outcome, ended.seq) });
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
    await rollBack(core, run, ENGINE, { because: "parent", error: reason.error });
  } catch (error) {
    if (isBatonError(error, "RUN_FINISHED"))
      await handOver(core, parent, path, run).catch((cause: unknown) =>
        failed(core, parent, path, cause, () => void compensate(core, parent, command)),
      );
    else failed(core, parent, path, error, () => void compensate(core, parent, command));
  }
}

async function cancelChild(core: Core, parent: Actor, path: string, reason: string): Promise<void> {
  const id = `${parent.id}/${path}`;
  try {
    const child = await actorOf(core, id);
    deliver(core, child, { kind: "cancel", by: ENGINE, reason: `The parent run is ${reason}.` });
  } catch (error) {
    if (isBatonError(error, "RUN_FINISHED")) await handOver(core, parent, path, id);
    else failed(core, parent, path, error, () => void cancelChild(core, parent, path, reason));
  }
}
