/** The public surface of `baton/otel`: traces and metrics of the journal, and logs, for OpenTelemetry collectors and for MLflow. */
export { type OtelOptions, otel, type TracingOptions } from "./bridges/otel/otel.ts";
export { type OtelLog, otelLog, type OtelLogOptions } from "./bridges/otel/otel-log.ts";
export { type MlflowOptions, mlflow } from "./bridges/otel/mlflow.ts";
export type { Conventions } from "./bridges/otel/names.ts";
export type {
  Attributes,
  AttributeValue,
  Meters,
  Observable,
  Observed,
  SpanContext,
  SpanLink,
} from "./bridges/otel/api-types.ts";
export type { FinishedSpan, SpanResource } from "./bridges/otel/finished-span.ts";
export type { MeteringOptions } from "./bridges/otel/metering.ts";
export type { MetricsOptions } from "./bridges/otel/metric-export.ts";
export type { OtlpOptions } from "./bridges/otel/otlp.ts";
export type { TraceExporter } from "./bridges/otel/sender.ts";
