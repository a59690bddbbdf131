/** Traces of the journal for any collector that takes OpenTelemetry. */
import { BatonError } from "../../model/errors.ts";
import type { ProjectionStart } from "../../model/projection.ts";
import type { TraceSink, Tracing } from "../../ports/tracing.ts";
import { within } from "../../ports/waiting.ts";
import { machineClock } from "../machine-clock.ts";
import type { Attributes } from "./api-types.ts";
import type { Dress } from "./attributes.ts";
import { type FinishedSpan, finishedSpan, resourceOf } from "./finished-span.ts";
import { checkMetering, type MeteringOptions, metricsBeside, openMetering } from "./metering.ts";
import { type Conventions, NAMES } from "./names.ts";
import { checkUrl, loadOtlp, type OtlpOptions } from "./otlp.ts";
import { type NotTaken, sender, type TraceExporter } from "./sender.ts";

/** What all kinds of tracing take. */
export interface TracingOptions extends MeteringOptions {
  /** Under which its place in the journal is kept; `otel` or `mlflow` if left out. Another name begins from the beginning. */
  readonly name?: string;
  /**
   * Where tracing begins that has no place in this journal yet: with everything that is in it (`"beginning"`, if left out), or with
   * what comes after it was opened first (`"now"`). `exportTraces` sends what was before.
   */
  readonly from?: ProjectionStart;
  /** Whether spans say what agents were given and gave, with sensitive fields masked; true if left out. */
  readonly content?: boolean;
  /** Longer inputs and outputs are cut; 32,768 characters if left out. */
  readonly contentCharactersMax?: number;
  /** The version of the GenAI semantic conventions whose names are used; 1.41 if left out. */
  readonly conventions?: Conventions;
  /** What all spans have in common, besides `service.name`, which is `baton` if left out. */
  readonly resource?: Attributes;
}

/** What {@link otel} takes. */
export interface OtelOptions extends TracingOptions, OtlpOptions {
  /** A `SpanExporter` of the SDK, instead of `url` and `headers`. */
  readonly exporter?: TraceExporter;
}

const CONTENT_CHARACTERS = 32_768;
/** How long is waited for an exporter to end. */
const CLOSE_MS = 5_000;

/**
 * Sends traces by OTLP (protobuf over HTTP), or by an exporter of your own, with the names of the GenAI semantic conventions.
 *
 * @example open({ store, workflows, tracing: otel({ url: "http://127.0.0.1:4318/v1/traces" }) });
 * @throws BatonError ARGUMENT_INVALID; when Baton is opened, DEPENDENCY_MISSING
 */
export function otel(options: OtelOptions = {}): Tracing {
  const { exporter, url, headers, compression } = options;
  if (exporter !== undefined && [url, headers, compression].some((each) => each !== undefined))
    throw new BatonError("ARGUMENT_INVALID", "An exporter has its own url and headers.");
  if (url !== undefined) checkUrl(url);
  const tracing = tracingTo("otel", { ...options, ...metricsBeside(options) }, {}, async () => {
    if (exporter !== undefined) return () => Promise.resolve(exporter);
    const make = await loadOtlp();
    const made = make({
      ...(url === undefined ? {} : { url }),
      ...(headers === undefined ? {} : { headers }),
      ...(compression === undefined ? {} : { compression }),
    });
    return () => Promise.resolve(made);
  });
  return withThread(tracing, import.meta.url, options);
}

/** The same tracing in another thread. */
export function inThread(options: OtelOptions): Tracing {
  return otel(options);
}

/** Lets another thread make the tracing of its module and options, unless these are objects that live here. */
export function withThread(tracing: Tracing, module: string, options: OtelOptions): Tracing {
  const isPlain = options.exporter === undefined && options.meterProvider === undefined;
  return isPlain ? { ...tracing, inThread: { module, options } } : tracing;
}

/** What is open, for the exporter of a batch: it may have to ask a server first. */
type Opened = () => Promise<TraceExporter>;

/** Tracing whose exporter is made by `open`, and whose spans are dressed as `dress` says. @throws BatonError ARGUMENT_INVALID */
export function tracingTo(
  kind: string,
  options: TracingOptions,
  dress: Pick<Dress, "content" | "more">,
  open: () => Promise<Opened>,
): Tracing {
  const {
    content = true,
    conventions = "1.41",
    contentCharactersMax = CONTENT_CHARACTERS,
    from = "beginning",
  } = options;
  const name = options.name ?? kind;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name))
    throw new BatonError("ARGUMENT_INVALID", `"${name.slice(0, 120)}" is not a name for tracing.`);
  if (!(Number.isSafeInteger(contentCharactersMax) && contentCharactersMax > 0))
    throw new BatonError("ARGUMENT_INVALID", `contentCharactersMax is ${contentCharactersMax}.`);
  if (!Object.hasOwn(NAMES, conventions))
    throw new BatonError("ARGUMENT_INVALID", `There are no conventions "${conventions}".`, {
      hint: `There are: ${Object.keys(NAMES).join(", ")}.`,
    });
  if (from !== "beginning" && from !== "now")
    throw new BatonError("ARGUMENT_INVALID", `"${String(from)}" is not "beginning" or "now".`);
  const whole: Dress = { ...dress, names: NAMES[conventions], contentCharactersMax };
  const resource = resourceOf({ "service.name": "baton", ...options.resource });
  checkMetering(options);
  return {
    name,
    content,
    from,
    measured: options.metrics !== undefined || options.meterProvider !== undefined,
    open: async (log): Promise<TraceSink> => {
      const exporter = await open();
      const metering = await openMetering({ ...options, name }, resource, log);
      const sendAll = sender<FinishedSpan>({ repeats: true });
      let used: TraceExporter | undefined;
      return {
        send: async (batch) => {
          const spans = batch.spans.map((span) => finishedSpan(span, resource, whole));
          used = await exporter();
          const why = await sendAll(used, spans, ({ name: span }, said) =>
            log("error", `The span "${span}" is dropped, since the collector refuses it: ${said}`),
          );
          if (why !== undefined) throw refused(why);
        },
        ...metering?.sink,
        close: async () => {
          // An exporter that was given is its owner's to end.
          const ended = "exporter" in options ? undefined : used?.shutdown();
          // That of the SDK waits for all that it has ever sent, also for what is not answered.
          await within(machineClock, CLOSE_MS, Promise.all([ended, metering?.end()]));
        },
      };
    },
  };
}

function refused({ message, status, cause }: NotTaken): BatonError {
  return new BatonError("TRACES_REFUSED", `The collector did not take the traces: ${message}`, {
    details: status === undefined ? {} : { status },
    cause,
  });
}
