/** What `baton/a2a` gives: agents that speak A2A as steps, and workflows as such agents. */
export type { ServedBaton } from "./bridges/a2a/served.ts";
export { type A2aHandler, a2aServer } from "./bridges/a2a/server.ts";
export type { A2aCard, A2aServerOptions, A2aSkill } from "./bridges/a2a/server-options.ts";
