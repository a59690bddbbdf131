/** One structured log line of an agent or of the engine. */
export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  /** Integer milliseconds since 1970. */
  readonly at: number;
  readonly run?: string;
  readonly path?: string;
  readonly turn?: number;
  readonly attempt?: number;
  /** `name@version` */
  readonly agent?: string;
  /** Of an agent's line: the trace, and the span of the call in which it was written. 32 and 16 hex digits. */
  readonly traceId?: string;
  readonly spanId?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Where log lines go. It must not throw. */
export type LogSink = (line: LogLine) => void;
