/** One structured log line of an agent or of the engine. */
export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  /** Integer milliseconds since 1970. */
  readonly at: number;
  readonly run?: string;
  readonly path?: string;
  readonly attempt?: number;
  readonly agent?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Where log lines go. It must not throw. */
export type LogSink = (line: LogLine) => void;
