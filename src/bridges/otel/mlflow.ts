/** Traces for MLflow: its own names for inputs, outputs, types and tokens, in the experiment that is named. */
import { BatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import type { TraceSpan, TraceSpanKind } from "../../model/trace-span.ts";
import type { Tracing } from "../../ports/tracing.ts";
import type { Attributes } from "./api-types.ts";
import { countedUsage } from "./attributes.ts";
import { askedAgain } from "../cut-off.ts";
import { tracingTo, type TracingOptions, withThread } from "./otel.ts";
import { checkUrl, loadOtlp } from "./otlp.ts";
import type { TraceExporter } from "./sender.ts";

/** What {@link mlflow} takes. */
export interface MlflowOptions extends TracingOptions {
  /** Of the tracking server: `http://127.0.0.1:5000`. It needs a SQL store, and version 3.6 or later. No user and password are in it. */
  readonly url: string;
  /** The experiment's name. It is made if it is not there. */
  readonly experiment: string;
  /** For a server that wants to know who asks, such as `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Sends traces to an MLflow server: each run's graph with latency, inputs, outputs, models and tokens. A trace is named by its
 * run's correlation id as its session.
 *
 * @example open({ store, workflows, tracing: mlflow({ url: "http://127.0.0.1:5000", experiment: "credit" }) });
 * @throws BatonError ARGUMENT_INVALID; when Baton is opened, DEPENDENCY_MISSING
 */
export function mlflow(options: MlflowOptions): Tracing {
  const { experiment, headers = {} } = options;
  checkServer(options.url);
  if (experiment.trim() === "")
    throw new BatonError("ARGUMENT_INVALID", "The experiment has no name.");
  const server = options.url.replace(/\/+$/, "");
  const tracing = tracingTo("mlflow", options, { content: contentOf, more: moreOf }, async () => {
    const make = await loadOtlp();
    let made: TraceExporter | undefined;
    return async () => {
      // Asked for with the first batch: a server that is down then is asked again, and keeps nothing from opening.
      made ??= make({
        url: `${server}/v1/traces`,
        compression: "gzip",
        headers: {
          ...headers,
          "x-mlflow-experiment-id": await experimentId(server, experiment, headers),
        },
      });
      return made;
    };
  });
  return withThread(tracing, import.meta.url, options);
}

/** What asks for the experiment would refuse an address with a password, with a message that shows it. @throws BatonError ARGUMENT_INVALID */
function checkServer(url: string): void {
  checkUrl(url);
  const { username, password } = new URL(url);
  if (username === "" && password === "") return;
  throw new BatonError("ARGUMENT_INVALID", "The url has a user or a password in it.", {
    hint: "Give them as a header: headers: { authorization: `Basic ${btoa(`${user}:${password}`)}` }",
  });
}

/** The same tracing in another thread. */
export function inThread(options: MlflowOptions): Tracing {
  return mlflow(options);
}

const TYPES: Readonly<Record<TraceSpanKind, string>> = {
  run: "WORKFLOW",
  step: "CHAIN",
  attempt: "AGENT",
  model: "CHAT_MODEL",
  handoff: "GUARDRAIL",
  rollback: "CHAIN",
  compensation: "TASK",
  publish: "TASK",
  receive: "TASK",
};

function contentOf({ input, output }: TraceSpan, text: (value: Json) => string): Attributes {
  return {
    ...(input === undefined ? {} : { "mlflow.spanInputs": asJson(text(input)) }),
    ...(output === undefined ? {} : { "mlflow.spanOutputs": asJson(text(output)) }),
  };
}

/** The server reads JSON; what was cut is none any more, and becomes text. */
function asJson(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}

function moreOf(span: TraceSpan): Attributes {
  const used = countedUsage(span);
  return {
    "mlflow.spanType": TYPES[span.kind],
    "session.id": span.correlation,
    ...(span.person === undefined ? {} : { "user.id": span.person }),
    // On what called one model and on nothing above it: some servers add up parents and children.
    ...(used === undefined
      ? {}
      : {
          "mlflow.llm.model": used.model,
          "mlflow.chat.tokenUsage": JSON.stringify({
            input_tokens: used.inputTokens,
            output_tokens: used.outputTokens,
            total_tokens: used.inputTokens + used.outputTokens,
          }),
        }),
  };
}

type Headers = Readonly<Record<string, string>>;

/** How long the server may take to say which experiment it is, in milliseconds. */
const ASK_MS = 10_000;

/** The id of the experiment, which is made if it is not there. @throws BatonError TRACES_REFUSED */
async function experimentId(server: string, name: string, headers: Headers): Promise<string> {
  const base = `${server}/api/2.0/mlflow/experiments`;
  const get = `${base}/get-by-name?experiment_name=${encodeURIComponent(name)}`;
  const found = await asked(get, { headers });
  if (found.status === 200) return idOf(found.body, name);
  if (found.status !== 404) refused(name, found.status);
  const made = await asked(`${base}/create`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ name }),
  });
  if (made.status === 200) return idOf({ experiment: made.body }, name);
  // Another process may have made it in between.
  const again = await asked(get, { headers });
  if (again.status === 200) return idOf(again.body, name);
  return refused(name, made.status);
}

interface Said {
  readonly status: number;
  readonly body: unknown;
}

/** May be asked twice: an experiment that was made by the first is found. */
async function asked(url: string, init: RequestInit): Promise<Said> {
  try {
    return await askedAgain(async () => await said(url, init));
  } catch (error) {
    const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = inner instanceof Error ? inner.message : String(inner);
    throw new BatonError("TRACES_REFUSED", `The MLflow server gave no answer: ${why}`, {
      cause: error,
    });
  }
}

async function said(url: string, init: RequestInit): Promise<Said> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(ASK_MS) });
  const text = await response.text();
  try {
    return { status: response.status, body: JSON.parse(text) };
  } catch {
    return { status: response.status, body: undefined };
  }
}

function idOf(body: unknown, name: string): string {
  const { experiment } = (body ?? {}) as {
    readonly experiment?: { readonly experiment_id?: unknown };
  };
  const id = experiment?.experiment_id;
  return typeof id === "string" ? id : refused(name, 200);
}

function refused(name: string, status: number): never {
  throw new BatonError(
    "TRACES_REFUSED",
    `The MLflow server answered ${status} when it was asked for the experiment "${name}".`,
    { details: { experiment: name, status } },
  );
}
