/** Those who use a simulated system: they start runs, answer what waits, and ask again when they get no answer. */
import type { Baton } from "../../engine/baton.ts";
import type { Author, Entry } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import { chanceAt, wholeAt } from "./chance.ts";
import type { World } from "./world.ts";

const PERSON: Author = { kind: "person", id: "simulated" };
const ARRIVE_MS = [0, 1_500] as const;
const ANSWER_MS = [20, 3_000] as const;
const AGAIN_MS = 300;
const TRIES_MAX = 2_000;

export interface Clients {
  /** They begin. */
  readonly come: () => void;
  /** They are told of what was kept in the journal. */
  readonly see: (entry: Entry) => void;
  /** Whether all have had their answers. */
  readonly areDone: () => boolean;
}

export function clients(world: World): Clients {
  const { plan, time, owner } = world;
  const { seed, schedule } = plan;
  let busy = 0;

  /** Does something with whatever process there is, until it is done or refused for good. */
  const insist = async (what: string, act: (baton: Baton) => Promise<unknown>): Promise<void> => {
    busy += 1;
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const process = world.current;
      if (process?.baton !== undefined) {
        try {
          await Promise.race([act(process.baton), process.gone]);
          busy -= 1;
          return;
        } catch (error) {
          if (!isPassing(error)) {
            refused(what, error);
            busy -= 1;
            return;
          }
        }
      }
      await new Promise<void>((resolve) => time.after(owner, AGAIN_MS, resolve));
    }
    world.problems.push(`${what} was never taken.`);
    busy -= 1;
  };
  const refused = (what: string, error: unknown): void => {
    const expected = [
      "SIGNAL_REFUSED",
      "RUN_FINISHED",
      "RUN_NOT_FOUND",
      "VALUE_TOO_LARGE",
    ] as const;
    if (expected.some((code) => isBatonError(error, code))) return;
    world.problems.push(`${what} was refused: ${String(error)}`);
  };
  const later = (delayMs: number, act: () => void): void => {
    busy += 1;
    time.after(owner, delayMs, () => {
      busy -= 1;
      act();
    });
  };
  const start = (id: string, input: unknown): void => {
    void insist(`The start of ${id}`, (baton) => baton.startUntyped(plan.workflow, input, { id }));
  };
  return {
    come: () => {
      for (const [id, input] of plan.inputs) {
        later(wholeAt(seed, ...ARRIVE_MS, "arrive", id), () => start(id, input));
        if (schedule.strikes("duplicate", `start ${id}`))
          later(wholeAt(seed, 0, 5_000, "again", id), () => start(id, input));
        if (schedule.strikes("cancel", id)) {
          later(wholeAt(seed, 500, 8_000, "cancel", id), () => {
            const because = { by: PERSON, reason: "simulated" };
            void insist(`The end of ${id}`, (baton) => baton.cancel(id, because));
          });
        }
      }
    },
    see: (entry) => {
      if (entry.kind !== "step.opened" || entry.path === undefined) return;
      if (entry.payload["step"] !== "approval" && entry.payload["step"] !== "signal") return;
      const run = entry.stream.slice("run/".length);
      const step = entry.path;
      const value = plan.answer(run, step);
      if (value === undefined) return;
      const id = `${run} ${step}`;
      const give = () =>
        void insist(`The answer to ${id}`, (baton) =>
          baton.signal(run, step, value, { by: PERSON, id }),
        );
      later(wholeAt(seed, ...ANSWER_MS, "answer", run, step), give);
      if (schedule.strikes("duplicate", `answer ${id}`)) {
        later(wholeAt(seed, ...ANSWER_MS, "answer", run, step, chanceAt(seed, run)), give);
      }
    },
    areDone: () => busy === 0,
  };
}

/** Whether an error only says that another try may do. */
function isPassing(error: unknown): boolean {
  if (!isBatonError(error)) return true;
  return ["STORE_FAILED", "STORE_CLOSED", "STORE_FENCED"].includes(error.code);
}
