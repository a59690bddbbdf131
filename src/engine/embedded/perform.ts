/** Performing commands: what the decider wanted done, once the journal has what it follows from. */
import { parsePath } from "../../decide/evolve.ts";
import type { Command } from "../../decide/turn.ts";
import { beginAttempt } from "./attempts.ts";
import { beginCompensation } from "./compensations.ts";
import type { Actor, Core } from "./core.ts";
import { beginProbe } from "./probes.ts";
import { readHistory } from "./run-facts.ts";

export function perform(core: Core, actor: Actor, commands: readonly Command[]): void {
  for (const command of commands) {
    switch (command.kind) {
      case "execute":
        beginAttempt(core, actor, command);
        break;
      case "probe":
        beginProbe(core, actor, command);
        break;
      case "startChild":
        core.children.start(actor, command);
        break;
      case "abort":
        for (const attempt of [...actor.attempts.values()]) {
          const isMeant =
            command.step === undefined || parsePath(attempt.path).step === command.step;
          if (isMeant) attempt.abort({ code: "ABORTED", message: `The run is ${command.reason}.` });
        }
        if (command.step === undefined) core.children.cancel(actor, command.reason);
        break;
      case "readHistory":
        readHistory(core, actor);
        break;
      case "compensate":
        beginCompensation(core, actor, command);
        break;
      case "compensateChild":
        core.children.compensate(actor, command);
        break;
      case "remind":
        core.log({
          level: "warn",
          message: `Step ${command.step} of run ${actor.id} still waits for an answer.`,
          at: core.clock.now(),
          run: actor.id,
          path: command.step,
        });
        break;
    }
  }
}
