/** The public surface of `baton/testing`: what tests of agents and workflows are written with. */
export { countedIds } from "./counted-ids.ts";
export { type Fault, type FaultyStore, faultyStore } from "./faulty-store.ts";
export {
  answers,
  cancels,
  type Decided,
  fails,
  type Given,
  given,
  givenWith,
  gives,
  type Happening,
  passes,
  starts,
  undoes,
} from "./given.ts";
export { type MemoryBus, memoryBus } from "./memory-bus.ts";
export type { AgentFake, ScriptedAgent } from "./simulation/fakes.ts";
export type { BrokenPromise, RunJournal } from "./simulation/invariants.ts";
export { DEFAULT_FAULTS, type FaultRates } from "./simulation/schedule.ts";
export {
  describeSimulation,
  type SeedFailure,
  simulate,
  type SimulatedAnswer,
  type SimulationOptions,
  type SimulationReport,
} from "./simulation/simulate.ts";
export type { SimulatedEvent, SimulatedStore } from "./simulation/world.ts";
export { VIRTUAL_START_MS, type VirtualClock, virtualClock } from "./virtual-clock.ts";
