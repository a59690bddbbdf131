/** Workflows as tools of an MCP server. */
import { type Duration, durationMs } from "../../model/duration.ts";
import type { Author } from "../../model/entry.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { definitionInvalid } from "../../model/problems.ts";
import { httpFace } from "./http-face.ts";
import { loadServerPackage, loadServerStdio } from "./packages.ts";
import type { ServedBaton } from "../served-baton.ts";
import { openCalls, serverFactory } from "./served-factory.ts";
import { newest, type ServedWorkflow, STATUS_TOOL, workflowTools } from "./served-tools.ts";

/** Who calls, as whoever checks tokens has found out; the SDK's `AuthInfo` is one. */
export interface McpCaller {
  /** Of the program that calls. */
  readonly clientId: string;
  /** `sub` is on whose behalf it does, where it is a text. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

export interface McpServerOptions {
  /** The newest version of each workflow that was given to `open()`, if left out. Choreographies can't be called. */
  readonly workflows?: readonly (WorkflowDefinition | ServedWorkflow)[];
  /** Who the server says it is; `{ name: "baton", version: "1.0.0" }` if left out. */
  readonly server?: { readonly name: string; readonly version: string };
  /** What a client is told of all the tools together. */
  readonly instructions?: string;
  /**
   * How long a call waits for its run's end: `"50s"` if left out, as many clients wait for a minute. What takes longer is
   * answered as unfinished, with the run's id. At most a day.
   */
  readonly wait?: Duration;
  /**
   * What becomes of a run whose caller cancels its call or loses its connection, which over HTTP look alike. If left out it is
   * left to go on where the call had an idempotency key, since the caller can come back for it, and cancelled where it had none;
   * over HTTP by protocols before 2026 it is left, since these say that a lost connection is no cancelling.
   */
  readonly whenAbandoned?: "cancel" | "leave";
  /** Who has called where nobody asks who it is; `{ kind: "program", id: "mcp" }` if left out. */
  readonly by?: Author;
  /**
   * Of HTTP: finds out who calls, or answers in the tool's place; the SDK's `requireBearerAuth(...)` gives such a function. If
   * left out nobody is asked, and only `hosts` of the own machine are served.
   */
  readonly authenticate?: (request: Request) => Promise<McpCaller | Response>;
  /**
   * Of HTTP: the names of hosts and origins, without ports, under which it is called. If left out: any where there is
   * `authenticate`, else those of the own machine, so that no page in a browser reaches it by a name of its own.
   */
  readonly hosts?: readonly string[];
  /** The longest request; 4 MiB if left out. Over stdio the connection ends with one that is longer. */
  readonly requestBytesMax?: number;
  /** Told what no caller is: a connection that broke, a frame that was none, a store that failed. */
  readonly onError?: (error: Error) => void;
}

/** Workflows that are served by MCP. */
export interface McpServer {
  /** The names of the tools. */
  readonly tools: readonly string[];
  /** Serves one HTTP request: mount it into any web-standard server. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Serves whoever started this process, over stdin and stdout, which nothing else may then write to. */
  readonly stdio: (streams?: McpStreams) => Promise<void>;
  /** Answers the calls under way, as unfinished where they are, and ends the connections. No run is cancelled by it. */
  readonly close: () => Promise<void>;
}

/** A stream of Node, of which no more is named here: its types are not everybody's. */
export interface McpStream {
  once(event: "end" | "close", listener: () => void): unknown;
}

export interface McpStreams {
  readonly input: McpStream;
  readonly output: McpStream;
}

const WAIT = "50s";
/** Nobody waits for longer, and Node's timers end at once with what is longer than 24 days. */
const WAIT_MAX_MS = 86_400_000;
const REQUEST_BYTES_MAX = 4 * 1024 * 1024;
const SERVER = { name: "baton", version: "1.0.0" };
const ANYBODY: Author = { kind: "program", id: "mcp" };

/**
 * Serves workflows as MCP tools: a call starts a run, waits for it, and answers with its output. Needs
 * `@modelcontextprotocol/server`.
 *
 * @throws BatonError DEFINITION_INVALID, DURATION_INVALID, DEPENDENCY_MISSING
 * @example
 * const server = await mcpServer(baton, { workflows: [creditDecision] });
 * serve({ fetch: server.fetch, port: 3000 });
 */
export async function mcpServer(
  baton: ServedBaton,
  options: McpServerOptions = {},
): Promise<McpServer> {
  const tools = workflowTools(options.workflows ?? newest(baton.workflows));
  const waitMs = durationMs(options.wait ?? WAIT);
  if (waitMs > WAIT_MAX_MS) throw definitionInvalid("MCP server", ["`wait` is longer than a day."]);
  const { requestBytesMax = REQUEST_BYTES_MAX } = options;
  const sdk = await loadServerPackage();
  const onerror = options.onError ?? (() => undefined);
  const calls = openCalls();
  const closing = new AbortController();
  const factory = serverFactory(sdk, {
    baton,
    tools,
    calls,
    by: options.by ?? ANYBODY,
    server: options.server ?? SERVER,
    ...(options.instructions === undefined ? {} : { instructions: options.instructions }),
    call: {
      waitMs,
      closing: closing.signal,
      onError: onerror,
      ...(options.whenAbandoned === undefined ? {} : { whenAbandoned: options.whenAbandoned }),
    },
  });
  const handler = sdk.createMcpHandler(factory, {
    maxRequestBodySize: requestBytesMax,
    onerror,
  });
  return {
    tools: [...tools.keys(), STATUS_TOOL],
    fetch: httpFace(sdk, handler.fetch, { ...options, onError: onerror }),
    stdio: async (streams) => {
      const { serveStdio, StdioServerTransport } = await loadServerStdio();
      const { input, output } = streams ?? { input: process.stdin, output: process.stdout };
      // The SDK names the classes of Node where any stream will do.
      const transport = new StdioServerTransport(input as never, output as never, {
        maxBufferSize: requestBytesMax,
      });
      const ended = new Promise<void>((resolve) => {
        input.once("end", resolve);
        input.once("close", resolve);
        closing.signal.addEventListener("abort", () => resolve());
        // Nobody tells of what was before: it may have been closed while the package was loaded.
        if (closing.signal.aborted) resolve();
        const close = transport.close.bind(transport);
        // By itself it closes where a frame is too large.
        transport.close = async () => {
          resolve();
          await close();
        };
      });
      const connection = serveStdio(factory, { transport, onerror });
      await ended;
      if (closing.signal.aborted) await calls.ended();
      await connection.close();
      await calls.ended();
    },
    close: async () => {
      // Whoever waits is answered before the connection ends.
      closing.abort();
      await calls.ended();
      await handler.close();
    },
  };
}
