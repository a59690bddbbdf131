/** How a command ends that has started servers: with all of them, whatever it was doing. */
import { constants } from "node:os";

/** What is to be ended, the newest last. Whoever starts something adds its end in the same moment. */
export type Ends = (() => Promise<void> | void)[];

export interface Worked {
  /** Of the process. */
  readonly code: number;
  /** Whether what was started goes on until a signal comes. */
  readonly keep?: boolean;
}

/** Works, and ends what was started: after the work, after an error, and in the middle of it when SIGINT or SIGTERM comes. */
export async function workToTheEnd(work: (ends: Ends) => Promise<Worked>): Promise<void> {
  const ends: Ends = [];
  const signalled = Promise.race([received("SIGINT"), received("SIGTERM")]);
  process.exitCode = 2;
  try {
    const worked = await Promise.race([work(ends), signalled]);
    if (typeof worked === "string") {
      await endAll(ends);
      // The work is still under way.
      process.exit(128 + constants.signals[worked]);
    }
    if (worked.keep === true) await signalled;
    process.exitCode = worked.code;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
  await endAll(ends);
}

/** The newest first, with what is begun meanwhile. One that can't be ended is told, and the others are. */
export async function endAll(ends: Ends): Promise<void> {
  for (let end = ends.pop(); end !== undefined; end = ends.pop())
    try {
      await end();
    } catch (error) {
      console.error(error);
    }
}

function received(signal: NodeJS.Signals): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once(signal, () => resolve(signal));
  });
}
