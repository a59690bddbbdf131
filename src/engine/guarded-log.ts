/** Log lines, as the engine writes them. */
import type { LogSink } from "../ports/log-sink.ts";

/** A sink that throws loses the line, and nothing else: no call fails, and is made again, since it could not be written of. */
export function guardedLog(sink: LogSink | undefined): LogSink {
  let isTold = false;
  return (line) => {
    try {
      sink?.(line);
    } catch (error) {
      if (isTold) return;
      isTold = true;
      process.emitWarning(
        `The log that was given to open() has thrown, and loses lines: ${String(error)}`,
      );
    }
  };
}
