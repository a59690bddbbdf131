/** What those who use a simulated system have in hand: they try again until they are answered. */
import type { Baton } from "../../engine/baton.ts";
import { isBatonError } from "../../model/errors.ts";
import type { Author } from "../../model/entry.ts";
import type { World } from "./world.ts";

export const PERSON: Author = { kind: "person", id: "simulated" };
const AGAIN_MS = 300;
const TRIES_MAX = 2_000;

/** What the clients have in hand. */
export interface Desk {
  readonly world: World;
  busy: number;
  /** How often somebody was reminded, by run and step. */
  readonly reminders: Map<string, number>;
}

/** Does something with whatever process there is, until it is done or refused for good. */
export async function insistOn(
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
  "PIVOT_PASSED",
  "SAVEPOINT_NOT_FOUND",
] as const;

export function later(desk: Desk, delayMs: number, act: () => void): void {
  const { time, owner } = desk.world;
  desk.busy += 1;
  time.after(owner, delayMs, () => {
    desk.busy -= 1;
    act();
  });
}

/** Whether an error only says that another try may do. */
function isPassing(error: unknown): boolean {
  if (!isBatonError(error)) return true;
  return ["STORE_FAILED", "STORE_CLOSED", "STORE_FENCED"].includes(error.code);
}
