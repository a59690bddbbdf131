/** A collector over real HTTP that decodes what it is sent, by the fields of opentelemetry-proto and a library of another house. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import protobuf from "protobufjs";

/** The parts of opentelemetry-proto that traces, metrics and logs are made of, with their field numbers. */
const PROTO = `syntax = "proto3";
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; ArrayValue array_value = 5; } }
message ArrayValue { repeated AnyValue values = 1; }
message KeyValue { string key = 1; AnyValue value = 2; }
message Resource { repeated KeyValue attributes = 1; }
message Scope { string name = 1; string version = 2; }
message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
message Link { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; repeated KeyValue attributes = 4; }
message Status { string message = 2; int32 code = 3; }
message Span { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
  fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9; repeated Event events = 11;
  repeated Link links = 13; Status status = 15; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message TraceRequest { repeated ResourceSpans resource_spans = 1; }
message Point { repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3;
  oneof value { double as_double = 4; sfixed64 as_int = 6; } }
message HistogramPoint { repeated KeyValue attributes = 9; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4;
  optional double sum = 5; repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7; }
message Gauge { repeated Point data_points = 1; }
message Sum { repeated Point data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
message Histogram { repeated HistogramPoint data_points = 1; int32 aggregation_temporality = 2; }
message Metric { string name = 1; string description = 2; string unit = 3; oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; } }
message ScopeMetrics { Scope scope = 1; repeated Metric metrics = 2; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
message MetricRequest { repeated ResourceMetrics resource_metrics = 1; }
message LogRecord { fixed64 time_unix_nano = 1; int32 severity_number = 2; string severity_text = 3; AnyValue body = 5; repeated KeyValue attributes = 6;
  uint32 dropped_attributes_count = 7; fixed32 flags = 8; bytes trace_id = 9; bytes span_id = 10; fixed64 observed_time_unix_nano = 11; }
message ScopeLogs { Scope scope = 1; repeated LogRecord log_records = 2; }
message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; }
message LogRequest { repeated ResourceLogs resource_logs = 1; }`;

const { root } = protobuf.parse(PROTO, { keepCase: true });
const TraceRequest = root.lookupType("TraceRequest");
const MetricRequest = root.lookupType("MetricRequest");
const LogRequest = root.lookupType("LogRequest");

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly name: string;
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly status: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly string[];
  readonly links: readonly string[];
}

/** One point of a metric: of a histogram its count and sum. */
export interface CollectedPoint {
  readonly name: string;
  readonly unit: string;
  readonly kind: "gauge" | "sum" | "counter" | "histogram";
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: number;
  readonly sum?: number;
  readonly bounds?: readonly number[];
}

export interface CollectedLog {
  readonly body: unknown;
  readonly severity: number;
  readonly severityText: string;
  readonly atMs: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly dropped: number;
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface Collector {
  readonly url: string;
  /** Every span of every request that was taken, again if it came again. */
  readonly spans: CollectedSpan[];
  /** The points of each request for metrics that was taken. */
  readonly metrics: (readonly CollectedPoint[])[];
  readonly logs: CollectedLog[];
  readonly requests: {
    readonly path: string;
    readonly headers: IncomingMessage["headers"];
    readonly status: number;
  }[];
  /** What the next requests are answered: 200 once it is empty. */
  readonly answers: number[];
  /** Names of spans, or texts of log lines, with which a request is answered 400. */
  readonly poison: Set<string>;
  /** The bytes of all requests, for what must not be in them. */
  readonly bodies: string[];
  readonly close: () => Promise<void>;
}

interface Value {
  readonly string_value?: string;
  readonly bool_value?: boolean;
  readonly int_value?: string;
  readonly double_value?: number;
  readonly array_value?: { readonly values?: readonly Value[] };
}
type Pairs = readonly { readonly key: string; readonly value: Value }[];
interface RawSpan {
  readonly trace_id: string;
  readonly span_id: string;
  readonly parent_span_id?: string;
  readonly name: string;
  readonly kind?: number;
  readonly start_time_unix_nano: string;
  readonly end_time_unix_nano: string;
  readonly attributes?: Pairs;
  readonly events?: readonly { readonly name: string }[];
  readonly links?: readonly { readonly trace_id: string; readonly span_id: string }[];
  readonly status?: { readonly code?: number };
}

export async function otlpCollector(
  elsewhere?: (
    request: IncomingMessage,
    body: string,
  ) => { status: number; body: unknown } | undefined,
): Promise<Collector> {
  const collector: Omit<Collector, "url" | "close"> = {
    spans: [],
    metrics: [],
    logs: [],
    requests: [],
    answers: [],
    bodies: [],
    poison: new Set(),
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const raw = Buffer.concat(chunks);
      const other = elsewhere?.(request, raw.toString());
      if (other !== undefined) {
        response.writeHead(other.status, { "content-type": "application/json" });
        return response.end(JSON.stringify(other.body));
      }
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
      const path = request.url ?? "";
      const { names, keep } = READERS[path]?.(body) ?? { names: [], keep: () => {} };
      const isPoison = names.some((name) => collector.poison.has(name));
      const known = path in READERS ? 200 : 404;
      const status = collector.answers.shift() ?? (isPoison ? 400 : known);
      collector.requests.push({ path, headers: request.headers, status });
      if (status === 200) keep(collector);
      if (status === 200) collector.bodies.push(body.toString("latin1"));
      // Longer than the exporter's own patience: what is tried again is tried again by the journal.
      response.writeHead(status, { "retry-after": "3600", connection: "close" });
      return response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    ...collector,
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

type Kept = Pick<Collector, "spans" | "metrics" | "logs">;

/** What a request says: by which names it may be poison, and how it is kept. */
interface Read {
  readonly names: readonly string[];
  readonly keep: (collector: Kept) => void;
}

const READERS: Readonly<Record<string, (body: Buffer) => Read>> = {
  "/v1/traces": (body) => {
    const spans = decodeSpans(body);
    return {
      names: spans.map(({ name }) => name),
      keep: (kept) => kept.spans.push(...spans),
    };
  },
  "/v1/metrics": (body) => {
    const points = decodeMetrics(body);
    return { names: [], keep: (kept) => kept.metrics.push(points) };
  },
  "/v1/logs": (body) => {
    const logs = decodeLogs(body);
    return {
      names: logs.map((log) => String(log.body)),
      keep: (kept) => kept.logs.push(...logs),
    };
  },
};

function objectOf(type: protobuf.Type, body: Buffer): unknown {
  return type.toObject(type.decode(body), { longs: String, bytes: String });
}

function decodeSpans(body: Buffer): readonly CollectedSpan[] {
  const { resource_spans } = objectOf(TraceRequest, body) as {
    readonly resource_spans: readonly {
      readonly scope_spans: readonly { readonly spans: readonly RawSpan[] }[];
    }[];
  };
  return resource_spans.flatMap(({ scope_spans }) =>
    scope_spans.flatMap(({ spans }) => spans.map(collected)),
  );
}

interface RawPoint {
  readonly attributes?: Pairs;
  readonly as_double?: number;
  readonly as_int?: string;
  readonly count?: string;
  readonly sum?: number;
  readonly explicit_bounds?: readonly number[];
}
interface RawMetric {
  readonly name: string;
  readonly unit: string;
  readonly gauge?: { readonly data_points?: readonly RawPoint[] };
  readonly sum?: { readonly data_points?: readonly RawPoint[]; readonly is_monotonic?: boolean };
  readonly histogram?: { readonly data_points?: readonly RawPoint[] };
}

function decodeMetrics(body: Buffer): readonly CollectedPoint[] {
  const { resource_metrics } = objectOf(MetricRequest, body) as {
    readonly resource_metrics: readonly {
      readonly scope_metrics: readonly { readonly metrics: readonly RawMetric[] }[];
    }[];
  };
  return resource_metrics.flatMap(({ scope_metrics }) =>
    scope_metrics.flatMap(({ metrics }) => metrics.flatMap(pointsOf)),
  );
}

function pointsOf({ name, unit, gauge, sum, histogram }: RawMetric): readonly CollectedPoint[] {
  const adding = sum?.is_monotonic === true ? "counter" : "sum";
  const kind = gauge !== undefined ? "gauge" : sum !== undefined ? adding : "histogram";
  return ((gauge ?? sum ?? histogram)?.data_points ?? []).map((point) => ({
    name,
    unit,
    kind,
    attributes: attributesOf(point.attributes),
    value: Number(point.count ?? point.as_int ?? point.as_double ?? 0),
    ...(point.sum === undefined ? {} : { sum: point.sum }),
    ...(point.explicit_bounds === undefined ? {} : { bounds: point.explicit_bounds }),
  }));
}

interface RawLog {
  readonly time_unix_nano: string;
  readonly severity_number?: number;
  readonly severity_text?: string;
  readonly body?: Value;
  readonly attributes?: Pairs;
  readonly dropped_attributes_count?: number;
  readonly trace_id?: string;
  readonly span_id?: string;
}

function decodeLogs(body: Buffer): readonly CollectedLog[] {
  const { resource_logs } = objectOf(LogRequest, body) as {
    readonly resource_logs: readonly {
      readonly resource?: { readonly attributes?: Pairs };
      readonly scope_logs: readonly { readonly log_records: readonly RawLog[] }[];
    }[];
  };
  return resource_logs.flatMap(({ resource, scope_logs }) =>
    scope_logs.flatMap(({ log_records }) =>
      log_records.map((log) => ({
        body: log.body === undefined ? undefined : plain(log.body),
        severity: log.severity_number ?? 0,
        severityText: log.severity_text ?? "",
        atMs: Number(BigInt(log.time_unix_nano) / 1_000_000n),
        traceId: hex(log.trace_id ?? ""),
        spanId: hex(log.span_id ?? ""),
        attributes: attributesOf(log.attributes),
        dropped: log.dropped_attributes_count ?? 0,
        resource: attributesOf(resource?.attributes),
      })),
    ),
  );
}

function attributesOf(pairs: Pairs = []): Readonly<Record<string, unknown>> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plain(value)]));
}

function collected(span: RawSpan): CollectedSpan {
  return {
    traceId: hex(span.trace_id),
    spanId: hex(span.span_id),
    parentId: hex(span.parent_span_id ?? ""),
    name: span.name,
    kind: span.kind ?? 0,
    startMs: Number(BigInt(span.start_time_unix_nano) / 1_000_000n),
    endMs: Number(BigInt(span.end_time_unix_nano) / 1_000_000n),
    status: span.status?.code ?? 0,
    attributes: attributesOf(span.attributes),
    events: (span.events ?? []).map(({ name }) => name),
    links: (span.links ?? []).map(({ span_id }) => hex(span_id)),
  };
}

function hex(base64: string): string {
  return Buffer.from(base64, "base64").toString("hex");
}

function plain(value: Value): unknown {
  if (value.array_value !== undefined) return (value.array_value.values ?? []).map(plain);
  if (value.int_value !== undefined) return Number(value.int_value);
  return value.string_value ?? value.bool_value ?? value.double_value;
}
