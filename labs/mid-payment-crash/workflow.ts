/** The order on Baton: the same four steps and the same services, with `compensate` beside what can be undone. */
import { agent, contract, exponential, type Workflow, workflow } from "baton";
import { z } from "zod";
import type { Parameters } from "./parameters.ts";
import type { Operation } from "./plan.ts";
import { type Caller, Refused, type World } from "./world.ts";

const Order = contract("lab.order", "1.0.0", z.object({ id: z.string(), amount: z.int() }));
const Done = contract("lab.done", "1.0.0", z.object({ id: z.string() }));

/** What the agents are given from outside. */
export interface Services {
  readonly world: World;
  readonly caller: Caller;
}

interface Calling {
  readonly signal: AbortSignal;
  readonly idempotencyKey: string;
}

/** The workflow of one process: its agents call as `caller`. */
export function labWorkflow(
  { world, caller }: Services,
  { timeoutMs, batonAttempts, firstPauseMs, longestPauseMs }: Parameters,
): Workflow<{ readonly id: string; readonly amount: number }, { readonly id: string }> {
  const asked = async (operation: Operation, calling: Calling, subject?: string) => {
    const { signal, idempotencyKey } = calling;
    const call = world.call(caller, operation, idempotencyKey, subject);
    return { id: await unlessAborted(call, signal) };
  };
  const common = {
    ...({ version: "1.0.0", input: Order, output: Done } as const),
    timeout: `${timeoutMs}ms`,
    retry: {
      attempts: batonAttempts,
      backoff: exponential(`${firstPauseMs}ms`, { max: `${longestPauseMs}ms`, jitter: 0 }),
      final: (error: unknown) => error instanceof Refused,
    },
  } as const;
  const reserve = agent({
    ...{ ...common, name: "reserve" },
    execute: (_order, context) => asked("reserve", context),
    compensate: (_order, { id }, context) => asked("release", context, id),
  });
  const charge = agent({
    ...{ ...common, name: "charge" },
    execute: (_order, context) => asked("charge", context),
    // A charge that was never answered may have been made: the payment provider knows it by its key.
    compensateUnknown: true,
    compensate: async (_order, charged, context) => {
      const id = charged?.id ?? (await world.chargeOf(caller, context.executionKey));
      if (id !== undefined) await asked("refund", context, id);
    },
  });
  const book = agent({
    ...{ ...common, name: "book" },
    execute: (_order, context) => asked("book", context),
    compensate: (_order, { id }, context) => asked("cancelBooking", context, id),
  });
  // Last, because it can't be undone.
  const ship = agent({
    ...{ ...common, name: "ship", sideEffects: true },
    execute: (_order, context) => asked("ship", context),
  });
  return workflow("lab.order", "1.0.0", { input: Order, output: Done })
    .step("reserve", reserve, { input: ({ input }) => input })
    .step("charge", charge, { needs: ["input", "reserve"], input: ({ input }) => input })
    .step("book", book, { needs: ["input", "charge"], input: ({ input }) => input })
    .step("ship", ship, { needs: ["input", "book"], input: ({ input }) => input })
    .output(({ ship: parcel }) => parcel);
}

/** As with `fetch`: who called is told at once when the attempt is over. The service is not. */
async function unlessAborted<X>(call: Promise<X>, signal: AbortSignal): Promise<X> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("No answer.")));
  });
  return await Promise.race([call, aborted]);
}
