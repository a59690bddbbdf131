/** The public surface of `baton/otel`: traces of the journal for OpenTelemetry collectors and for MLflow. */
export { type OtelOptions, otel, type TracingOptions } from "./bridges/otel/otel.ts";
export { type MlflowOptions, mlflow } from "./bridges/otel/mlflow.ts";
export type { Conventions } from "./bridges/otel/names.ts";
export type {
  Attributes,
  AttributeValue,
  Meters,
  SpanContext,
  SpanLink,
} from "./bridges/otel/api-types.ts";
export type { FinishedSpan, SpanResource } from "./bridges/otel/finished-span.ts";
export type { OtlpOptions } from "./bridges/otel/otlp.ts";
export type { TraceExporter } from "./bridges/otel/sender.ts";
