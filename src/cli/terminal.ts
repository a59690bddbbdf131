/**
 * What the commands see of the process: streams, environment, interrupts. Injected, so that tests run commands in their
 * own process.
 */
import { userInfo } from "node:os";
import { Writable } from "node:stream";
import { wallClock } from "./wall-clock.ts";

/** One output stream. */
export interface Output {
  readonly write: (text: string) => void;
  readonly isTTY: boolean;
  /** Characters per line. */
  readonly columns: number;
  /** Aborted once what is written gets nowhere any more; the reason is the stream's error. What is written then is lost. */
  readonly closed: AbortSignal;
  /** The stream itself, for a progress bar; absent where there is none to draw on. */
  readonly stream?: NodeJS.WriteStream;
}

export interface Terminal {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Who types: recorded as the author of approvals, signals and cancellations. */
  readonly user: string;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Calls `handler` at each interrupt (Ctrl-C) until the function that is returned is called. */
  readonly onInterrupt: (handler: () => void) => () => void;
  /** Ends the process at once. */
  readonly exitNow: (code: number) => void;
  /** Takes stdin and stdout for a protocol: until `release`, whatever else is written to stdout goes to stderr. */
  readonly takeOver: () => ProtocolStreams;
}

export interface ProtocolStreams {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly release: () => void;
}

/** Lines are laid out for this width where the real one is unknown: in pipes and files. */
const COLUMNS_WITHOUT_TTY = 120;

/** The terminal of this process. */
export function processTerminal(): Terminal {
  return {
    cwd: process.cwd(),
    env: process.env,
    user: currentUser(),
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    stdin: () => process.stdin,
    now: wallClock,
    onInterrupt: (handler) => {
      process.on("SIGINT", handler);
      process.on("SIGTERM", handler);
      return () => {
        process.off("SIGINT", handler);
        process.off("SIGTERM", handler);
      };
    },
    exitNow: (code) => process.exit(code),
    takeOver,
  };
}

function takeOver(): ProtocolStreams {
  const { stdin, stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  // A line that a workflow's code prints would be no message of the protocol.
  stdout.write = stderr.write.bind(stderr);
  const output = new Writable({
    write: (chunk: Uint8Array, _encoding, done) => {
      write(chunk, done);
    },
  });
  return {
    input: stdin,
    output,
    release: () => {
      stdout.write = write;
    },
  };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  const closed = new AbortController();
  // Heard for good: without a listener a write would end the process, in the middle of its work.
  stream.on("error", (error) => closed.abort(error));
  return {
    write: (text) => {
      stream.write(text);
    },
    isTTY: stream.isTTY === true,
    get columns() {
      return stream.isTTY === true ? stream.columns : COLUMNS_WITHOUT_TTY;
    },
    closed: closed.signal,
    stream,
  };
}

function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a user id that has no name.
    return process.env["USER"] ?? "unknown";
  }
}
