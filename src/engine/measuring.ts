/** Tells where metrics go how the engine stands, now and then. Counted when it is asked for, so that nothing is paid for it otherwise. */
import type { Clock } from "../ports/clock.ts";
import type { EngineMeasures } from "../ports/tracing.ts";
import type { Engine } from "./engine.ts";

export interface MeasuringParts {
  readonly clock: Clock;
  readonly engine: Pick<Engine, "pressure" | "breakers" | "subscriptions">;
  readonly measure: (measures: EngineMeasures) => void;
}

/** Metrics are usually sent every minute: what they say of queues is no older than this then. */
const MEASURE_EVERY_MS = 10_000;

/** Begins at once. Gives a function that ends it. */
export function startMeasuring(parts: MeasuringParts): () => void {
  const { clock, measure } = parts;
  let ended = false;
  let cancel = () => {};
  const round = async () => {
    try {
      const measures = await measuresOf(parts);
      if (!ended) measure(measures);
    } catch {
      // A store that can't be read says so elsewhere; the next time it may be.
    }
    if (!ended) cancel = clock.after(MEASURE_EVERY_MS, () => void round(), true);
  };
  void round();
  return () => {
    ended = true;
    cancel();
  };
}

async function measuresOf({ engine }: MeasuringParts): Promise<EngineMeasures> {
  const subscriptions = await engine.subscriptions();
  return {
    pressure: engine.pressure(),
    breakers: engine.breakers().map(({ name, state }) => ({ name, state })),
    subscriptions: subscriptions.map(({ name, lag }) => ({ name, lag })),
  };
}
