/** A terminal that records what is written to it. */
import { PassThrough } from "node:stream";
import type { Output, Terminal } from "../../src/cli/terminal.ts";

export interface RecordingTerminal extends Terminal {
  /** What was written to stdout, and to stderr. */
  readonly out: () => string;
  readonly err: () => string;
  /** Closes stdout, as a reader does that had enough. */
  readonly hangUp: () => void;
  /** Presses Ctrl-C. */
  readonly interrupt: () => void;
  /** Codes of the immediate exits that were asked for. */
  readonly exits: readonly number[];
}

export interface TerminalSettings {
  readonly cwd?: string;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Told of each write to stdout, so that a test can act at that moment. */
  readonly onWrite?: (text: string) => void;
}

export function recordingTerminal(settings: TerminalSettings = {}): RecordingTerminal {
  const written = { out: "", err: "" };
  const exits: number[] = [];
  const interrupts = new Set<() => void>();
  const closed = { out: new AbortController(), err: new AbortController() };
  const output = (name: "out" | "err"): Output => ({
    write: (text) => {
      written[name] += text;
      if (name === "out") settings.onWrite?.(text);
    },
    isTTY: settings.isTTY ?? false,
    columns: settings.columns ?? 80,
    closed: closed[name].signal,
  });
  return {
    cwd: settings.cwd ?? "/nowhere",
    env: settings.env ?? {},
    user: "ada",
    stdout: output("out"),
    stderr: output("err"),
    stdin: async function* () {
      yield new TextEncoder().encode(settings.stdin ?? "");
    },
    now: () => 1_700_000_000_000,
    onInterrupt: (handler) => {
      interrupts.add(handler);
      return () => interrupts.delete(handler);
    },
    exitNow: (code) => exits.push(code),
    takeOver: () => ({ input: new PassThrough(), output: new PassThrough(), release: () => {} }),
    out: () => written.out,
    err: () => written.err,
    hangUp: () => closed.out.abort(new Error("write EPIPE")),
    interrupt: () => {
      for (const handler of interrupts) handler();
    },
    exits,
  };
}
