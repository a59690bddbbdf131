/** The public surface of `baton/databricks`: agents of Databricks as agents, and workflows as agents for Databricks. */
export {
  databricksAgent,
  type DatabricksAgentOptions,
  type DatabricksCall,
  type DatabricksPlace,
} from "./bridges/databricks/databricks-agent.ts";
export {
  clientCredentials,
  type ClientCredentialsOptions,
  type DatabricksAuth,
  type TokenRequest,
  type TokenSource,
} from "./bridges/databricks/credentials.ts";
export type { RemoteAnswer } from "./bridges/databricks/remote-answer.ts";
export { responsesAgent, type ServedAgent } from "./bridges/databricks/responses-agent.ts";
export type { ResponsesAgentOptions } from "./bridges/databricks/served.ts";
export type { ResponsesRequest } from "./bridges/databricks/responses-request.ts";
export type { ServedBaton, ServedItem, ServedOutcome, ServedRun } from "./bridges/served-baton.ts";
