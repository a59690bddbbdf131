/** The OTLP exporter of the OpenTelemetry SDK, loaded only when it is asked for. */
import { BatonError } from "../../model/errors.ts";
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
  readonly OTLPTraceExporter: new (config: {
    readonly url?: string;
    readonly headers?: Record<string, string>;
    readonly timeoutMillis: number;
    readonly compression?: never;
  }) => unknown;
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
    return ({ url, headers, compression }) => {
      const exporter = new OTLPTraceExporter({
        ...(url === undefined ? {} : { url }),
        ...(headers === undefined ? {} : { headers: { ...headers } }),
        timeoutMillis: TIMEOUT_MS,
        // The SDK's enum, by its value: importing it would need one more package.
        ...(compression === undefined ? {} : { compression: compression as never }),
      });
      // The exporter takes spans of the SDK's resource class; of that it reads what ours has.
      return exporter as TraceExporter;
    };
  } catch (cause) {
    throw new BatonError(
      "DEPENDENCY_MISSING",
      "Traces need the package @opentelemetry/exporter-trace-otlp-proto.",
      {
        hint: "Install it: npm install @opentelemetry/api @opentelemetry/exporter-trace-otlp-proto@^0.223",
        details: { package: "@opentelemetry/exporter-trace-otlp-proto" },
        cause,
      },
    );
  }
}
