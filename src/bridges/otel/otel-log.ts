/** Log lines to any collector that takes OpenTelemetry: beside the spans in which they were written. */
import { BatonError } from "../../model/errors.ts";
import type { LogLine, LogSink } from "../../ports/log-sink.ts";
import { machineClock } from "../machine-clock.ts";
import type { Attributes } from "./api-types.ts";
import { resourceOf } from "./finished-span.ts";
import { type LogQueue, logQueue } from "./log-queue.ts";
import { type FinishedLogRecord, logRecord, SEVERITY } from "./log-record.ts";
import {
  checkUrl,
  type ExporterConfig,
  exporterConfig,
  missing,
  type OtlpOptions,
} from "./otlp.ts";
import { type Exporter, sender } from "./sender.ts";

/** What {@link otelLog} takes. */
export interface OtelLogOptions extends OtlpOptions {
  /** What all lines have in common, besides `service.name`, which is `baton` if left out. */
  readonly resource?: Attributes;
  /** Lines below it are not sent; all are, if left out. */
  readonly level?: LogLine["level"];
  /** Lines that wait for the collector, at most: 2,048 if left out. What comes besides is lost, and counted. */
  readonly linesMax?: number;
  /** Told when lines are not taken, or were lost; a warning of the process (`process.emitWarning`) if left out. */
  readonly trouble?: (message: string) => void;
}

/** A log sink that sends. */
export interface OtelLog extends LogSink {
  /** Lines that were lost so far. */
  readonly lost: () => number;
  /** Sends what waits now, for at most five seconds. */
  readonly flush: () => Promise<void>;
  /** Sends what waits, for at most five seconds, and takes no more. To be called after `baton.close()`. */
  readonly close: () => Promise<void>;
}

/** The part of the package that is used. */
interface Exporters {
  readonly OTLPLogExporter: new (config: ExporterConfig) => unknown;
}

const LINES_MAX = 2_048;
const FLUSH_MS = 5_000;

/**
 * Makes a log that sends by OTLP (protobuf over HTTP), with the trace and the span of the attempt that has written a line. It
 * keeps nobody waiting: lines go in batches, and where the collector does not take them, wait in a queue that is bounded.
 *
 * @example const log = await otelLog({ url: "http://127.0.0.1:4318/v1/logs" });
 *   const baton = await open({ store, workflows, log });
 * @throws BatonError ARGUMENT_INVALID, DEPENDENCY_MISSING
 */
export async function otelLog(options: OtelLogOptions = {}): Promise<OtelLog> {
  check(options);
  const { level = "debug", linesMax = LINES_MAX, trouble = warn } = options;
  const exporter = (await loadOtlpLogs())(options);
  const resource = resourceOf({ "service.name": "baton", ...options.resource });
  // A line has no id: one that was sent again would be there twice.
  const sendAll = sender<FinishedLogRecord>({ repeats: false });
  const queue = logQueue<FinishedLogRecord>({
    clock: machineClock,
    linesMax,
    send: async (lines, refused) => await sendAll(exporter, lines, refused),
    lossOf: (lost) => {
      const message = `Log lines were lost (${lost}): the collector did not take them in time.`;
      const line = { level: "warn", message, at: machineClock.now(), data: { lost } } as const;
      return logRecord(line, resource);
    },
    tell: trouble,
  });
  const sink = (line: LogLine) => {
    if (SEVERITY[line.level] >= SEVERITY[level]) queue.add(logRecord(line, resource));
  };
  return Object.assign(sink, controls(queue, exporter));
}

function controls(
  queue: LogQueue<FinishedLogRecord>,
  exporter: Exporter<FinishedLogRecord>,
): Pick<OtelLog, "lost" | "flush" | "close"> {
  let closing: Promise<void> | undefined;
  return {
    lost: queue.lost,
    flush: async () => await queue.flush(FLUSH_MS),
    close: () => {
      closing ??= queue.close(FLUSH_MS).then(() => {
        // A request that is under way even now ends by itself.
        exporter.shutdown().catch(() => {});
      });
      return closing;
    },
  };
}

function warn(message: string): void {
  process.emitWarning(message, "BatonLogWarning");
}

/** @throws BatonError ARGUMENT_INVALID */
function check({ url, level, linesMax = LINES_MAX }: OtelLogOptions): void {
  if (url !== undefined) checkUrl(url);
  if (level !== undefined && !Object.hasOwn(SEVERITY, level))
    throw new BatonError("ARGUMENT_INVALID", `There is no level "${String(level)}".`, {
      hint: `There are: ${Object.keys(SEVERITY).join(", ")}.`,
    });
  if (!(Number.isSafeInteger(linesMax) && linesMax > 0))
    throw new BatonError("ARGUMENT_INVALID", `linesMax is ${linesMax}.`);
}

/**
 * Loads what makes exporters of logs.
 * @throws BatonError DEPENDENCY_MISSING
 */
export async function loadOtlpLogs(
  load: () => Promise<Exporters> = () => import("@opentelemetry/exporter-logs-otlp-proto"),
): Promise<(options: OtlpOptions) => Exporter<FinishedLogRecord>> {
  try {
    const { OTLPLogExporter } = await load();
    // The exporter takes records of the SDK's resource class; of that it reads what ours has.
    return (options) => new OTLPLogExporter(exporterConfig(options)) as Exporter<FinishedLogRecord>;
  } catch (cause) {
    throw missing("Logs", ["@opentelemetry/exporter-logs-otlp-proto@^0.223"], cause);
  }
}
