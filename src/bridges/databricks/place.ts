/** Where an agent is: behind a serving endpoint of a workspace, or in an app. */

export interface AgentPlace {
  /** Where it is asked. */
  readonly url: string;
  /** For messages: `endpoint risk`, `app https://risk.example.com`. */
  readonly label: string;
}

/** A serving endpoint takes what it is asked at one address, whatever the shape. */
export function endpointPlace(host: string, endpoint: string): AgentPlace {
  const url = `${host}/serving-endpoints/${encodeURIComponent(endpoint)}/invocations`;
  return { url, label: `endpoint ${endpoint}` };
}

/** An app has `/responses` for the one shape; it takes anything at `/invocations`. */
export function appPlace(app: string, api: "responses" | "chat"): AgentPlace {
  return {
    url: `${app}/${api === "responses" ? "responses" : "invocations"}`,
    label: `app ${app}`,
  };
}
