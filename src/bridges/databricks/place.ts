/** Where an agent is: behind a serving endpoint of a workspace, or in an app. */

export interface AgentPlace {
  /** Where it is asked. */
  readonly url: string;
  /** For messages: `endpoint risk`, `app https://risk.example.com`. */
  readonly label: string;
}

/** An address without a slash at its end; undefined where it can't be given a token, which is added to `problems`. */
export function addressOf(given: unknown, what: string, problems: string[]): string | undefined {
  const url = typeof given === "string" && URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) {
    problems.push(`The ${what} is not an address such as "https://example.cloud.databricks.com".`);
    return undefined;
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    problems.push(`The ${what} has more than a host and a path.`);
    return undefined;
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    problems.push(`The ${what} is not https: a token would go over the network in the open.`);
    return undefined;
  }
  return url.href.replace(/\/+$/, "");
}

/** Whether what is sent there stays on this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
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
