/** Retries as a decent team has them: a few attempts, with a pause that doubles. */
import { ATTEMPTS, FIRST_PAUSE_MS } from "./parameters.ts";
import type { Fate } from "./plan.ts";
import type { VirtualOrder } from "../virtual/virtual-order.ts";

/**
 * Calls until it works, {@link ATTEMPTS} times at the most; the last error is thrown.
 * @param call is given the attempt, from 1
 */
export async function retried<X>(
  time: VirtualOrder,
  call: (attempt: number) => Promise<X>,
): Promise<X> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call(attempt);
    } catch (error) {
      if (attempt >= ATTEMPTS) throw error;
      await time.pass(FIRST_PAUSE_MS * 2 ** (attempt - 1));
    }
  }
}

/** The planned failure of the bureau, which hits the first call in every variant. */
export function failIfPlanned(fate: Fate, attempt: number): void {
  if (fate.bureauFails && attempt === 1) throw new Error("The bureau answered 503.");
}
