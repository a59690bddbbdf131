/** The OTLP exporter of the OpenTelemetry SDK, loaded only when it is asked for. */
import { BatonError } from "../../model/errors.ts";
import { isMissing } from "../packages.ts";
import type { TraceExporter } from "./sender.ts";

export interface OtlpOptions {
  /** The whole address; if left out, what `OTEL_EXPORTER_OTLP_ENDPOINT` and its kin say, else a collector on this machine. */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** How requests are compressed; what `OTEL_EXPORTER_OTLP_COMPRESSION` says if left out, else not at all. */
  readonly compression?: "gzip" | "none";
}

/** The part of the package that is used. */
interface Exporters {
  readonly OTLPTraceExporter: new (config: ExporterConfig) => unknown;
}

type Made = (options: OtlpOptions) => TraceExporter;

/** How long the exporter tries by itself, in milliseconds; after that the batch comes again from the journal. */
const TIMEOUT_MS = 10_000;

/**
 * Loads what makes exporters: protobuf over HTTP, compressed.
 * @throws BatonError DEPENDENCY_MISSING
 */
export async function loadOtlp(
  load: () => Promise<Exporters> = () => import("@opentelemetry/exporter-trace-otlp-proto"),
): Promise<Made> {
  try {
    const { OTLPTraceExporter } = await load();
    // The exporter takes spans of the SDK's resource class; of that it reads what ours has.
    return (options) => new OTLPTraceExporter(exporterConfig(options)) as TraceExporter;
  } catch (cause) {
    throw missing("Traces", ["@opentelemetry/exporter-trace-otlp-proto@^0.223"], cause);
  }
}

/** What is to be installed, with the API that all of them are built on. Gives back what was wrong with packages that are there. */
export function missing(what: string, packages: readonly string[], cause: unknown): unknown {
  if (!isMissing(cause)) return cause;
  const names = packages.map((each) => each.slice(0, each.lastIndexOf("@")));
  const many = names.length > 1 ? "packages" : "package";
  return new BatonError("DEPENDENCY_MISSING", `${what} need the ${many} ${names.join(" and ")}.`, {
    hint: `Install: npm install @opentelemetry/api ${packages.join(" ")}`,
    details: { packages: names },
    cause,
  });
}

/** What the exporters of all signals take. */
export interface ExporterConfig {
  readonly url?: string;
  readonly headers?: Record<string, string>;
  readonly timeoutMillis: number;
  readonly compression?: never;
}

/** How the SDK wants to be told. */
export function exporterConfig(
  { url, headers, compression }: OtlpOptions,
  timeoutMillis: number = TIMEOUT_MS,
): ExporterConfig {
  return {
    ...(url === undefined ? {} : { url }),
    ...(headers === undefined ? {} : { headers: { ...headers } }),
    timeoutMillis,
    // The SDK's enum, by its value: importing it would need one more package.
    ...(compression === undefined ? {} : { compression: compression as never }),
  };
}

/** The url itself is never shown: it may hold a password. @throws BatonError ARGUMENT_INVALID */
export function checkUrl(url: string): void {
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return;
  throw new BatonError("ARGUMENT_INVALID", "The url is not an address.", {
    hint: "Write it whole: http://127.0.0.1:4318/v1/traces",
  });
}
