/** What tracing counts besides: by a meter provider that was given, or by one of its own that sends by OTLP. */
import { BatonError } from "../../model/errors.ts";
import type { TraceSink } from "../../ports/tracing.ts";
import type { Meters } from "./api-types.ts";
import type { SpanResource } from "./finished-span.ts";
import { checkMetrics, loadMeters, type MetricsOptions, type OwnMeters } from "./metric-export.ts";
import { type Metering, metering } from "./metrics.ts";
import type { OtlpOptions } from "./otlp.ts";

export interface MeteringOptions {
  /**
   * Sends metrics by OTLP, too. `true`: with `otel({ url })` to the same collector, with the same headers; else to where
   * `OTEL_EXPORTER_OTLP_ENDPOINT` and its kin say, or to a collector on this machine.
   */
  readonly metrics?: true | MetricsOptions;
  /** Where metrics are counted, instead of `metrics`: a `MeterProvider` of `@opentelemetry/api`. */
  readonly meterProvider?: Meters;
}

/** @throws BatonError ARGUMENT_INVALID, DURATION_INVALID */
export function checkMetering({ metrics, meterProvider }: MeteringOptions): void {
  if (metrics !== undefined && meterProvider !== undefined)
    throw new BatonError("ARGUMENT_INVALID", "A meter provider sends its metrics by itself.");
  if (metrics !== undefined && metrics !== true) checkMetrics(metrics);
}

const TRACES_PATH = /\/v1\/traces$/;

/** `true`, beside traces that have an address: the address beside it. @throws BatonError ARGUMENT_INVALID */
export function metricsBeside({
  metrics,
  url,
  headers,
  compression,
}: MeteringOptions & OtlpOptions): Pick<MeteringOptions, "metrics"> {
  if (metrics !== true || url === undefined) return {};
  if (!TRACES_PATH.test(url)) {
    throw new BatonError("ARGUMENT_INVALID", "Where metrics go does not follow from the url.", {
      hint: 'Write their address: metrics: { url: "http://127.0.0.1:4318/v1/metrics" }',
    });
  }
  return {
    metrics: {
      url: url.replace(TRACES_PATH, "/v1/metrics"),
      ...(headers === undefined ? {} : { headers }),
      ...(compression === undefined ? {} : { compression }),
    },
  };
}

type Tell = (level: "info" | "warn", message: string) => void;

interface OpenMetering {
  readonly sink: Required<Pick<TraceSink, "count" | "measure">>;
  readonly end: () => Promise<void>;
}

/** Undefined where nothing is counted. `name`: of the projection. @throws BatonError DEPENDENCY_MISSING */
export async function openMetering(
  options: MeteringOptions & { readonly name: string },
  resource: SpanResource,
  tell: Tell,
): Promise<OpenMetering | undefined> {
  const { name, metrics, meterProvider } = options;
  if (metrics === undefined && meterProvider === undefined) return undefined;
  if (meterProvider !== undefined) return counting(name, tell, () => meterProvider);
  const make = await loadMeters(metrics === true ? {} : (metrics ?? {}), resource, tell);
  let made: OwnMeters | undefined;
  return counting(
    name,
    tell,
    () => {
      made ??= make();
      return made;
    },
    async () => await made?.shutdown(),
  );
}

/** `provider` is asked when something is counted: history that is sent by hand counts nothing, and sends no metrics. */
function counting(
  name: string,
  tell: Tell,
  provider: () => Meters,
  shutdown: () => Promise<void> = async () => {},
): OpenMetering {
  let used: Metering | undefined;
  const counted = (): Metering => {
    used ??= metering(provider(), name);
    return used;
  };
  let failing = false;
  /** Spans were taken, whatever a provider of somebody's says of their number: it keeps no trace from being sent. */
  const count = (act: (to: Metering) => void) => {
    try {
      act(counted());
    } catch (error) {
      if (!failing) tell("warn", `Metrics can't be counted: ${String(error)}`);
      failing = true;
    }
  };
  return {
    sink: {
      count: (batch) => count((to) => to.count(batch)),
      measure: (measures, behindMs) => count((to) => to.measure(measures, behindMs)),
    },
    end: async () => {
      // Read once more by whoever sends them last.
      await shutdown();
      used?.end();
    },
  };
}
