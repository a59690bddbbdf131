/** A log line as a log record of the OpenTelemetry SDK, which an exporter takes as if the SDK had made it. */
import type { LogLine } from "../../ports/log-sink.ts";
import type { Attributes, AttributeValue, HrTime, SpanContext } from "./api-types.ts";
import { cut } from "./attributes.ts";
import { contextOf, SCOPE, type SpanResource, timeOf } from "./finished-span.ts";

/** The form of the SDK's `ReadableLogRecord`. */
export interface FinishedLogRecord {
  readonly hrTime: HrTime;
  readonly hrTimeObserved: HrTime;
  readonly spanContext?: SpanContext;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: string;
  readonly resource: SpanResource;
  readonly instrumentationScope: typeof SCOPE;
  readonly attributes: Attributes;
  readonly droppedAttributesCount: number;
}

/** Numbers of the API, which is not needed for them alone. */
export const SEVERITY: Readonly<Record<LogLine["level"], number>> = {
  debug: 5,
  info: 9,
  warn: 13,
  error: 17,
};
const MESSAGE_CHARACTERS_MAX = 32_768;
const VALUE_CHARACTERS_MAX = 8_192;
/** Of a line's data: what a person reads, no collector refuses, and a full queue has memory for. */
const ATTRIBUTES_MAX = 64;
const DATA_CHARACTERS_MAX = 32_768;

/** What a line is now: what its data become later changes nothing of it. Throws nothing, whatever the data are. */
export function logRecord(line: LogLine, resource: SpanResource): FinishedLogRecord {
  const { level, message, at, traceId, spanId, data } = line;
  const time = timeOf(at);
  const { attributes, dropped } = data === undefined ? NO_DATA : attributesOf(data);
  return {
    hrTime: time,
    hrTimeObserved: time,
    ...(traceId === undefined || spanId === undefined
      ? {}
      : { spanContext: contextOf(traceId, spanId) }),
    severityNumber: SEVERITY[level],
    severityText: level.toUpperCase(),
    body: cut(message, MESSAGE_CHARACTERS_MAX),
    resource,
    instrumentationScope: SCOPE,
    // Whose line it is counts, whatever its data call themselves.
    attributes: { ...attributes, ...placeOf(line) },
    droppedAttributesCount: dropped,
  };
}

const NO_DATA = { attributes: {}, dropped: 0 } as const;

function placeOf({ run, path, turn, attempt, agent }: LogLine): Attributes {
  const at = agent?.lastIndexOf("@") ?? -1;
  return {
    ...(run === undefined ? {} : { "baton.run": run }),
    ...(path === undefined ? {} : { "baton.path": path }),
    ...(turn === undefined ? {} : { "baton.turn": turn }),
    ...(attempt === undefined ? {} : { "baton.attempt": attempt }),
    ...(agent === undefined || at < 0
      ? {}
      : { "gen_ai.agent.name": agent.slice(0, at), "gen_ai.agent.version": agent.slice(at + 1) }),
  };
}

function attributesOf(data: Readonly<Record<string, unknown>>) {
  const attributes: Record<string, AttributeValue> = {};
  let [kept, dropped, room] = [0, 0, DATA_CHARACTERS_MAX];
  for (const name of namesOf(data)) {
    const value = valueOf(data, name);
    if (value === undefined) continue;
    room -= name.length + String(value).length;
    if (kept >= ATTRIBUTES_MAX || room < 0) dropped += 1;
    else attributes[name] = value;
    kept += 1;
  }
  return { attributes, dropped };
}

function namesOf(data: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    return Object.keys(data);
  } catch {
    // Something of the agent's own stands in front of it.
    return [];
  }
}

/** Text, where a value is none of what an attribute may be. Undefined for what is nothing. */
function valueOf(
  data: Readonly<Record<string, unknown>>,
  name: string,
): AttributeValue | undefined {
  try {
    const value = data[name];
    if (typeof value === "number" || typeof value === "boolean") return value;
    const text = textOf(value);
    return text === undefined ? undefined : cut(text, VALUE_CHARACTERS_MAX);
  } catch {
    return "[unreadable]";
  }
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}
