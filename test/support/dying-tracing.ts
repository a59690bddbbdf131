/** Tracing that kills its thread: once, before its first batch is sent, as long as a file is there. */
import { existsSync, rmSync } from "node:fs";
import { otel } from "../../src/otel.ts";
import type { Tracing } from "../../src/ports/tracing.ts";

export interface DyingOptions {
  readonly url: string;
  readonly poison: string;
}

export function dyingTracing(options: DyingOptions): Tracing {
  return { ...inThread(options), inThread: { module: import.meta.url, options } };
}

export function inThread({ url, poison }: DyingOptions): Tracing {
  const { name, content, open } = otel({ url });
  return {
    name,
    content,
    open: async (log) => {
      const sink = await open(log);
      return {
        ...sink,
        send: async (batch) => {
          if (existsSync(poison)) {
            rmSync(poison);
            // In a thread it ends the thread.
            process.exit(7);
          }
          await sink.send(batch);
        },
      };
    },
  };
}
