/** A collector over real HTTP that decodes what it is sent, by the fields of opentelemetry-proto and a library of another house. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import protobuf from "protobufjs";

/** The part of opentelemetry/proto/trace/v1 that traces are made of, with its field numbers. */
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
message Request { repeated ResourceSpans resource_spans = 1; }`;

const Request = protobuf.parse(PROTO, { keepCase: true }).root.lookupType("Request");

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

export interface Collector {
  readonly url: string;
  /** Every span of every request that was taken, again if it came again. */
  readonly spans: CollectedSpan[];
  readonly requests: { readonly headers: IncomingMessage["headers"]; readonly status: number }[];
  /** What the next requests are answered: 200 once it is empty. */
  readonly answers: number[];
  /** Names of spans with which a request is answered 400. */
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
      const spans = decode(body);
      const isPoison = spans.some(({ name }) => collector.poison.has(name));
      const status = collector.answers.shift() ?? (isPoison ? 400 : 200);
      collector.requests.push({ headers: request.headers, status });
      if (status === 200) collector.spans.push(...spans);
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

function decode(body: Buffer): readonly CollectedSpan[] {
  const request = Request.toObject(Request.decode(body), { longs: String, bytes: String }) as {
    readonly resource_spans: readonly {
      readonly scope_spans: readonly { readonly spans: readonly RawSpan[] }[];
    }[];
  };
  return request.resource_spans.flatMap(({ scope_spans }) =>
    scope_spans.flatMap(({ spans }) => spans.map(collected)),
  );
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
    attributes: Object.fromEntries(
      (span.attributes ?? []).map(({ key, value }) => [key, plain(value)]),
    ),
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
