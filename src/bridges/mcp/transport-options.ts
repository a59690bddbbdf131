/** How a server of tools is reached. */

/** A server behind an address: MCP's Streamable HTTP. */
export interface McpAddress {
  readonly url: string;
  /** Sent with each request; a function is asked each time, so that a token can be fresh. Redirects are not followed. */
  readonly headers?:
    | Readonly<Record<string, string>>
    | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);
}

/** A server that is a process of its own, spoken to over its stdin and stdout. */
export interface McpProcess {
  readonly command: string;
  readonly args?: readonly string[];
  /** Beside what is harmless of this process's own environment, such as PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export type McpTransport = McpAddress | McpProcess;

/** Where a server is, for messages: these are kept, and queries, passwords and arguments may be secret. */
export function placeOf(transport: McpTransport): string {
  if (!("url" in transport)) return transport.command;
  if (!URL.canParse(transport.url)) return transport.url;
  const { origin, pathname } = new URL(transport.url);
  return `${origin}${pathname}`;
}
