/** Those who use a simulated system: they start runs, answer what waits, and ask again when they get no answer. */
import type { Baton } from "../../engine/baton.ts";
import type { Author, Entry } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import { chanceAt, wholeAt } from "./chance.ts";
import { dealWithLetters } from "./letters.ts";
import type { World } from "./world.ts";

const PERSON: Author = { kind: "person", id: "simulated" };
const ARRIVE_MS = [0, 1_500] as const;
const ANSWER_MS = [20, 3_000] as const;
const CANCEL_MS = [500, 8_000] as const;
const GO_BACK_MS = [500, 20_000] as const;
const AGAIN_MS = 300;
const TRIES_MAX = 2_000;
const REMINDERS_MAX = 15;

export interface Clients {
  /** They begin. */
  readonly come: () => void;
  /** They are told of what was kept in the journal. */
  readonly see: (entry: Entry) => void;
  /** Whether all have had their answers. */
  readonly areDone: () => boolean;
}

/** What the clients have in hand. */
interface Desk {
  readonly world: World;
  busy: number;
}

/** Does something with whatever process there is, until it is done or refused for good. */
async function insistOn(
  desk: Desk,
  what: string,
  act: (baton: Baton) => Promise<unknown>,
): Promise<void> {
  const { world } = desk;
  desk.busy += 1;
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const done = await tryOnce(world, what, act);
    if (done) {
      desk.busy -= 1;
      return;
    }
    await new Promise<void>((resolve) => world.time.after(world.owner, AGAIN_MS, resolve));
  }
  world.problems.push(`${what} was never taken.`);
  desk.busy -= 1;
}

/** Whether there is no need to try again. */
async function tryOnce(
  { current, problems }: World,
  what: string,
  act: (baton: Baton) => Promise<unknown>,
): Promise<boolean> {
  if (current?.baton === undefined) return false;
  try {
    await Promise.race([act(current.baton), current.gone]);
  } catch (error) {
    if (isPassing(error)) return false;
    if (!EXPECTED.some((code) => isBatonError(error, code)))
      problems.push(`${what} was refused: ${String(error)}`);
  }
  return true;
}

/** What a client may be told that comes too late, or twice. */
const EXPECTED = [
  "SIGNAL_REFUSED",
  "RUN_FINISHED",
  "RUN_NOT_FOUND",
  "VALUE_TOO_LARGE",
  "COMPENSATION_UNKNOWN",
] as const;

export function clients(world: World): Clients {
  const { plan, time, owner } = world;
  const { seed, schedule } = plan;
  const desk: Desk = { world, busy: 0 };
  const insist = (what: string, act: (baton: Baton) => Promise<unknown>) =>
    insistOn(desk, what, act);
  const later = (delayMs: number, act: () => void): void => {
    desk.busy += 1;
    time.after(owner, delayMs, () => {
      desk.busy -= 1;
      act();
    });
  };
  const start = (id: string, input: unknown): void => {
    void insist(`The start of ${id}`, (baton) => baton.startUntyped(plan.workflow, input, { id }));
  };
  const reminders = new Map<string, number>();
  /** Whoever is reminded again and again says no at last. */
  const remind = ({ stream, path = "" }: Entry): void => {
    const run = stream.slice("run/".length);
    const id = `${run} ${path} reminded`;
    const count = (reminders.get(id) ?? 0) + 1;
    reminders.set(id, count);
    if (count !== REMINDERS_MAX) return;
    void insist(`The answer to ${id}`, (baton) =>
      baton.signal(run, path, { approved: false }, { by: PERSON, id }),
    );
  };
  const readLetters = ({ stream, seq }: Entry): void => {
    const run = stream.slice("run/".length);
    later(wholeAt(plan.seed, ...ANSWER_MS, "letters", run, seq), () => {
      void insist(`What is decided of the dead letters of ${run}`, (baton) =>
        dealWithLetters(world, baton, PERSON, { run, seq }),
      );
    });
  };
  return {
    come: () => {
      for (const [id, input] of plan.inputs) {
        later(wholeAt(seed, ...ARRIVE_MS, "arrive", id), () => start(id, input));
        if (schedule.strikes("duplicate", `start ${id}`))
          later(wholeAt(seed, 0, 5_000, "again", id), () => start(id, input));
        const because = { by: PERSON, reason: "simulated" };
        if (schedule.strikes("cancel", id)) {
          later(wholeAt(seed, ...CANCEL_MS, "cancel", id), () => {
            void insist(`The end of ${id}`, (baton) => baton.cancel(id, because));
          });
        }
        if (schedule.strikes("compensate", id)) {
          later(wholeAt(seed, ...GO_BACK_MS, "compensate", id), () => {
            void insist(`The way back of ${id}`, (baton) => baton.compensate(id, because));
          });
        }
      }
    },
    see: (entry) => {
      if (entry.kind === "reminder.due") return remind(entry);
      if (entry.kind === "run.parked") return readLetters(entry);
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
    areDone: () => desk.busy === 0,
  };
}

/** Whether an error only says that another try may do. */
function isPassing(error: unknown): boolean {
  if (!isBatonError(error)) return true;
  return ["STORE_FAILED", "STORE_CLOSED", "STORE_FENCED"].includes(error.code);
}
