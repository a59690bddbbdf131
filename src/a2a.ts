/** What `baton/a2a` gives: agents that speak A2A as steps, and workflows as such agents. */
export {
  a2aAgent,
  type A2aAgentOptions,
  type A2aCallOptions,
  type A2aPart,
} from "./bridges/a2a/agent.ts";
export { a2aCardHash, type A2aKeys } from "./bridges/a2a/card.ts";
export type { A2aAuth } from "./bridges/a2a/remote-fetch.ts";
export type { ServedBaton, ServedItem, ServedOutcome, ServedRun } from "./bridges/served-baton.ts";
export { type A2aHandler, a2aServer } from "./bridges/a2a/server.ts";
export type { A2aCard, A2aServerOptions, A2aSkill } from "./bridges/a2a/server-options.ts";
