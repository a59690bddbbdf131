/** Metrics of how an engine stands: what it was told last is what is said when the instruments are read. */
import type { EngineMeasures } from "../../ports/tracing.ts";
import type { Meters, Observable, Observed } from "./api-types.ts";

type Meter = ReturnType<Meters["getMeter"]>;
interface Measured extends EngineMeasures {
  readonly behindMs: number;
}
type Say = (observed: Observed, measured: Measured) => void;

const BREAKER_STATES = ["closed", "open", "halfOpen"] as const;

export interface Standing {
  readonly measure: (measures: EngineMeasures, behindMs: number) => void;
  readonly end: () => void;
}

/** `projection`: the name under which traces keep their place. */
export function standing(meter: Meter, projection: string): Standing {
  let last: Measured | undefined;
  const ends: (() => void)[] = [];
  const observe = (instrument: Observable, say: Say) => {
    const ask = (observed: Observed) => {
      if (last !== undefined) say(observed, last);
    };
    instrument.addCallback(ask);
    ends.push(() => instrument.removeCallback(ask));
  };
  const sum = (name: string, unit: string, description: string, say: Say) =>
    observe(meter.createObservableUpDownCounter(name, { unit, description }), say);
  const gauge = (name: string, unit: string, description: string, say: Say) =>
    observe(meter.createObservableGauge(name, { unit, description }), say);

  sum("baton.runs.executing", "{run}", "Runs that have a place to execute.", (to, { pressure }) =>
    to.observe(pressure.runs.executing),
  );
  sum("baton.runs.queued", "{run}", "Runs that wait for a place.", (to, { pressure }) =>
    to.observe(pressure.runs.queued),
  );
  sum("baton.agent.executing", "{attempt}", "Attempts under way.", (to, { pressure }) => {
    for (const { agent, executing } of pressure.agents) to.observe(executing, named(agent));
  });
  sum("baton.agent.waiting", "{attempt}", "Attempts that wait for a place.", (to, { pressure }) => {
    for (const { agent, waiting } of pressure.agents) to.observe(waiting, named(agent));
  });
  sum("baton.subscription.lag", "{event}", "Events still to be dealt with.", (to, measures) => {
    for (const { name, lag } of measures.subscriptions)
      to.observe(lag, { "baton.subscription": name });
  });
  gauge("baton.breaker.state", "1", "1 for the state that a breaker is in.", (to, measures) => {
    for (const { name, state } of measures.breakers)
      for (const each of BREAKER_STATES)
        to.observe(each === state ? 1 : 0, { "baton.breaker": name, "baton.breaker.state": each });
  });
  gauge("baton.projection.lag", "s", "Since all of the journal had been sent.", (to, measures) =>
    to.observe(measures.behindMs / 1_000, { "baton.projection": projection }),
  );
  return {
    measure: (measures, behindMs) => {
      last = { ...measures, behindMs };
    },
    end: () => {
      for (const end of ends) end();
    },
  };
}

function named(agent: string): {
  readonly "gen_ai.agent.name": string;
  readonly "gen_ai.agent.version": string;
} {
  const at = agent.lastIndexOf("@");
  return { "gen_ai.agent.name": agent.slice(0, at), "gen_ai.agent.version": agent.slice(at + 1) };
}
