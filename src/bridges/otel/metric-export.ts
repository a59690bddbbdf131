/** Sends metrics by OTLP: the meter provider and the exporter of the OpenTelemetry SDK, loaded only when they are asked for. */
import { BatonError } from "../../model/errors.ts";
import { type Duration, durationMs } from "../../model/duration.ts";
import type { Meters } from "./api-types.ts";
import type { SpanResource } from "./finished-span.ts";
import {
  checkUrl,
  type ExporterConfig,
  exporterConfig,
  missing,
  type OtlpOptions,
} from "./otlp.ts";

/** Where metrics are sent to, and how often. */
export interface MetricsOptions extends OtlpOptions {
  /** How often they are sent; every minute if left out. */
  readonly every?: Duration;
}

type Tell = (level: "info" | "warn", message: string) => void;

interface ExportResult {
  readonly code: number;
  readonly error?: Error;
}

/** The part of the SDK's `PushMetricExporter` that is used. */
interface MetricExporter {
  export(metrics: unknown, done: (result: ExportResult) => void): void;
}

/** The parts of the packages that are used. */
interface Packages {
  readonly OTLPMetricExporter: new (config: ExporterConfig) => MetricExporter;
  readonly PeriodicExportingMetricReader: new (options: {
    readonly exporter: never;
    readonly exportIntervalMillis: number;
    readonly exportTimeoutMillis: number;
  }) => unknown;
  readonly MeterProvider: new (options: {
    readonly resource: never;
    readonly readers: never[];
  }) => OwnMeters;
}

/** A meter provider of our own, which is ended with Baton. */
export interface OwnMeters extends Meters {
  /** Sends what was counted last. */
  shutdown(): Promise<void>;
}

const EVERY = "60s";
const TIMEOUT_MS = 10_000;

async function loadPackages(): Promise<Packages> {
  const [{ MeterProvider, PeriodicExportingMetricReader }, { OTLPMetricExporter }] =
    await Promise.all([
      import("@opentelemetry/sdk-metrics"),
      import("@opentelemetry/exporter-metrics-otlp-proto"),
    ]);
  // Of what the SDK takes, ours has what it reads.
  return {
    MeterProvider,
    PeriodicExportingMetricReader,
    OTLPMetricExporter,
  } as unknown as Packages;
}

/** @throws BatonError ARGUMENT_INVALID, DURATION_INVALID */
export function checkMetrics({ url, every = EVERY }: MetricsOptions): void {
  if (url !== undefined) checkUrl(url);
  if (durationMs(every) === 0)
    throw new BatonError("ARGUMENT_INVALID", `Metrics can't be sent every ${every}.`);
}

/**
 * Loads what makes meter providers that send by OTLP: protobuf over HTTP.
 * @throws BatonError DEPENDENCY_MISSING
 */
export async function loadMeters(
  options: MetricsOptions,
  resource: SpanResource,
  tell: Tell,
  load: () => Promise<Packages> = loadPackages,
): Promise<() => OwnMeters> {
  let packages: Packages;
  try {
    packages = await load();
  } catch (cause) {
    const needed = [
      "@opentelemetry/exporter-metrics-otlp-proto@^0.223",
      "@opentelemetry/sdk-metrics@^2.12",
    ];
    throw missing("Metrics", needed, cause);
  }
  const { OTLPMetricExporter, PeriodicExportingMetricReader, MeterProvider } = packages;
  const everyMs = durationMs(options.every ?? EVERY);
  // The reader wants its patience to be no longer than its pause.
  const timeoutMs = Math.min(TIMEOUT_MS, everyMs);
  return () => {
    const exporter = telling(new OTLPMetricExporter(exporterConfig(options, timeoutMs)), tell);
    const reader = new PeriodicExportingMetricReader({
      exporter: exporter as never,
      exportIntervalMillis: everyMs,
      exportTimeoutMillis: timeoutMs,
    });
    return new MeterProvider({ resource: resource as never, readers: [reader as never] });
  };
}

/** Tells once that metrics are not taken, and once that they are again: what was counted is not lost, it is sent with the next. */
function telling(exporter: MetricExporter, tell: Tell): MetricExporter {
  let failing = false;
  const send = exporter.export.bind(exporter);
  exporter.export = (metrics, done) =>
    send(metrics, (result) => {
      if (result.code !== 0 && !failing)
        tell("warn", `Metrics are not taken: ${result.error?.message ?? "it is not said why."}`);
      if (result.code === 0 && failing) tell("info", "Metrics are taken again.");
      failing = result.code !== 0;
      done(result);
    });
  return exporter;
}
