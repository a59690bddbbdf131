/** What a span of the journal is called by OpenTelemetry, and what it says. */
import type { UsageRecord } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import type { TraceSpan } from "../../model/trace-span.ts";
import type { Attributes, AttributeValue } from "./api-types.ts";
import type { Names } from "./names.ts";

/** How spans are dressed: the conventions, and what a preset adds. */
export interface Dress {
  readonly names: Names;
  /** Longer inputs and outputs are cut. Characters. */
  readonly contentCharactersMax: number;
  /** Inputs and outputs by a preset's own names; `gen_ai.input.messages` and `gen_ai.output.messages` if left out. */
  readonly content?: (span: TraceSpan, text: (value: Json) => string) => Attributes;
  readonly more?: (span: TraceSpan) => Attributes;
}

/** A delivery is named by its subscription: the number of its event would make every name another one. */
export function nameOf({ kind, subject, path }: TraceSpan): string {
  switch (kind) {
    case "run":
      return `invoke_workflow ${subject}`;
    case "attempt":
      return `invoke_agent ${subject}`;
    case "model":
      return `chat ${subject}`;
    case "step":
      return isDelivery(subject) ? `deliver ${plain(subject)}` : `step ${subject}`;
    case "handoff":
      return `handoff ${plain(path ?? subject)}`;
    case "compensation":
      return `compensate ${plain(subject)}`;
    default:
      return `${kind} ${subject}`;
  }
}

/** A step whose path has the number of an event is a delivery of it. */
export function isDelivery(path: string): boolean {
  return /#\d+$/.test(path);
}

/** Without the number of an item, a round or an event, of which there is no end. */
export function plain(path: string): string {
  return path.replace(/(#\d+|\[\d+\])$/, "");
}

/** There are many spans: what each has is put into one object, and nothing is copied. */
export function attributesOf(span: TraceSpan, dress: Dress): Attributes {
  const { names } = dress;
  const attributes: Mutable = {
    "baton.kind": span.kind,
    "baton.outcome": span.outcome,
    "baton.namespace": span.namespace,
    "baton.correlation": span.correlation,
  };
  if (span.run !== undefined) attributes["baton.run"] = span.run;
  if (span.path !== undefined) attributes["baton.path"] = span.path;
  for (const name of Object.keys(span.facts)) {
    const fact = span.facts[name];
    if (fact !== undefined) attributes[`baton.${name}`] = attributeOf(fact);
  }
  if (span.error !== undefined) attributes["error.type"] = span.error.code;
  if (span.kind === "run") nameRun(attributes, span, names);
  if (span.kind === "attempt" || span.kind === "compensation") nameAgent(attributes, span, names);
  if (span.kind === "model") attributes[names.operation] = "chat";
  if (span.kind === "publish" || span.kind === "receive") nameEvent(attributes, span);
  if (span.usage !== undefined) nameUsage(attributes, span, names);
  nameContent(attributes, span, dress);
  if (dress.more !== undefined) Object.assign(attributes, dress.more(span));
  return attributes;
}

type Mutable = Record<string, AttributeValue>;

function nameRun(attributes: Mutable, span: TraceSpan, names: Names): void {
  attributes[names.operation] = "invoke_workflow";
  for (const name of names.workflow) attributes[name] = span.subject;
  if (span.version !== undefined) attributes["baton.workflow.version"] = span.version;
  attributes[names.conversation] = span.correlation;
}

function nameAgent(
  attributes: Mutable,
  { subject, version, correlation, kind }: TraceSpan,
  names: Names,
): void {
  if (kind === "attempt") attributes[names.operation] = "invoke_agent";
  attributes[names.agent] = subject;
  if (version !== undefined) attributes[names.agentVersion] = version;
  if (version !== undefined && names.agentId !== undefined)
    attributes[names.agentId] = `${subject}@${version}`;
  attributes[names.conversation] = correlation;
}

function nameEvent(attributes: Mutable, { kind, subject, facts }: TraceSpan): void {
  attributes["messaging.system"] = "baton";
  attributes["messaging.operation.type"] = kind === "publish" ? "send" : "receive";
  attributes["messaging.destination.name"] = subject;
  attributes["messaging.message.id"] = String(facts["event"]);
}

/** What a span's models used, where it is one model: of several, each has a span of its own, and nothing is counted twice. */
export function countedUsage({ usage }: TraceSpan): UsageRecord | undefined {
  const [first] = usage ?? [];
  if (first === undefined || usage?.some(({ model }) => model !== first.model)) return undefined;
  let [inputTokens, outputTokens] = [0, 0];
  for (const each of usage ?? []) {
    inputTokens += each.inputTokens;
    outputTokens += each.outputTokens;
  }
  return { model: first.model, inputTokens, outputTokens };
}

function nameUsage(attributes: Mutable, span: TraceSpan, names: Names): void {
  const used = countedUsage(span);
  const costs = (span.usage ?? []).flatMap(({ cost, currency }) =>
    cost === undefined ? [] : [`${cost} ${currency ?? ""}`.trim()],
  );
  if (costs.length > 0) attributes["baton.costs"] = costs;
  if (used === undefined) return;
  attributes[names.requestModel] = used.model;
  attributes[names.inputTokens] = used.inputTokens;
  attributes[names.outputTokens] = used.outputTokens;
}

function nameContent(attributes: Mutable, span: TraceSpan, dress: Dress): void {
  const { input, output, kind } = span;
  if (input === undefined && output === undefined) return;
  const { names, contentCharactersMax } = dress;
  const text = (value: Json) => cut(JSON.stringify(value), contentCharactersMax);
  if (dress.content !== undefined) Object.assign(attributes, dress.content(span, text));
  else if (kind === "publish") {
    if (output !== undefined) attributes["baton.data"] = text(output);
  } else {
    if (input !== undefined) attributes[names.inputMessages] = message("user", text(input));
    if (output !== undefined)
      attributes[names.outputMessages] = message("assistant", text(output), "stop");
  }
}

/** One message with the value as its text, in the form that the conventions give messages: as JSON. */
function message(role: string, content: string, finish?: string): string {
  const reason = finish === undefined ? "" : `,"finish_reason":"${finish}"`;
  return `[{"role":"${role}","parts":[{"type":"text","content":${JSON.stringify(content)}}]${reason}}]`;
}

/** What is left out is said at the end. */
export function cut(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  // A pair of surrogates may be cut in two.
  const kept = text.slice(0, charactersMax).toWellFormed();
  return `${kept}... (${text.length - charactersMax} more characters)`;
}

export function attributeOf(fact: TraceSpan["facts"][string]): AttributeValue {
  return typeof fact === "object" ? [...fact] : fact;
}
