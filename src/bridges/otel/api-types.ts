/**
 * The part of OpenTelemetry's types that is used, in its own form: whoever does not trace has no package of its, and the compiler
 * reads these declarations all the same.
 */

export type AttributeValue = string | number | boolean | string[];

export interface Attributes {
  [name: string]: AttributeValue;
}

/** Seconds and nanoseconds since 1970. */
export type HrTime = [number, number];

export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

export interface SpanLink {
  readonly context: SpanContext;
  readonly attributes: Attributes;
}

interface InstrumentOptions {
  readonly description?: string;
  readonly unit?: string;
}

interface HistogramOptions extends InstrumentOptions {
  readonly advice?: { explicitBucketBoundaries?: number[] };
}

/** Given to whoever is asked how something stands. */
export interface Observed {
  observe(value: number, attributes?: Attributes): void;
}

/** An instrument that asks when it is read. */
export interface Observable {
  addCallback(ask: (observed: Observed) => void): void;
  removeCallback(ask: (observed: Observed) => void): void;
}

/** The part of a `MeterProvider` of `@opentelemetry/api` that is used. */
export interface Meters {
  getMeter(name: string): {
    createCounter(
      name: string,
      options?: InstrumentOptions,
    ): { add(value: number, attributes?: Attributes): void };
    createHistogram(
      name: string,
      options?: HistogramOptions,
    ): { record(value: number, attributes?: Attributes): void };
    createObservableUpDownCounter(name: string, options?: InstrumentOptions): Observable;
    createObservableGauge(name: string, options?: InstrumentOptions): Observable;
  };
}
