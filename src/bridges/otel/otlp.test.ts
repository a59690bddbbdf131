import { expect, test } from "vitest";
import { resourceOf } from "./finished-span.ts";
import { loadMeters } from "./metric-export.ts";
import { mlflow } from "./mlflow.ts";
import { loadOtlpLogs, otelLog } from "./otel-log.ts";
import { otel } from "./otel.ts";
import { loadOtlp } from "./otlp.ts";

/** As Node says it. */
const missing = () => import("./no-such-package.ts" as string);

test("what is there and can't be loaded is not called missing", async () => {
  const wrong = new SyntaxError("Unexpected token");
  await expect(loadOtlp(() => Promise.reject(wrong))).rejects.toBe(wrong);
});

test("an exporter that is not installed is named, with what to install", async () => {
  await expect(loadOtlp(missing)).rejects.toMatchObject({
    code: "DEPENDENCY_MISSING",
    hint: "Install: npm install @opentelemetry/api @opentelemetry/exporter-trace-otlp-proto@^0.223",
  });
});

test("so are the packages of metrics", async () => {
  await expect(loadMeters({}, resourceOf({}), () => {}, missing)).rejects.toMatchObject({
    code: "DEPENDENCY_MISSING",
    hint: "Install: npm install @opentelemetry/api @opentelemetry/exporter-metrics-otlp-proto@^0.223 @opentelemetry/sdk-metrics@^2.12",
  });
});

test("and the one of logs; what can't be right of a log is refused", async () => {
  await expect(loadOtlpLogs(missing)).rejects.toMatchObject({
    code: "DEPENDENCY_MISSING",
    hint: "Install: npm install @opentelemetry/api @opentelemetry/exporter-logs-otlp-proto@^0.223",
  });
  await expect(otelLog({ url: "h:4318" })).rejects.toThrow("is not an address");
  await expect(otelLog({ linesMax: 0 })).rejects.toThrow("linesMax is 0");
  // What a caller without types may write.
  await expect(otelLog({ level: "fatal" as "error" })).rejects.toThrow('no level "fatal"');
});

test("what can't be right is refused where it is written", () => {
  const exporter = { export: () => {}, shutdown: () => Promise.resolve() };
  expect(() => otel({ exporter, url: "http://h/v1/traces" })).toThrow("its own url");
  expect(() => otel({ url: "h:4318" })).toThrow("is not an address");
  expect(() => otel({ contentCharactersMax: 0 })).toThrow("contentCharactersMax");
  expect(() => otel({ url: "http://h/otlp", metrics: true })).toThrow("does not follow");
  expect(() => otel({ metrics: { every: "0s" } })).toThrow("every 0s");
  expect(() => otel({ metrics: { url: "h:4318" } })).toThrow("is not an address");
  const meterProvider = { getMeter: () => expect.fail() };
  expect(() => otel({ metrics: true, meterProvider })).toThrow("by itself");
  // What a caller without types may write.
  expect(() => otel({ from: "then" as "now" })).toThrow("beginning");
  expect(() => otel({ conventions: "2" as "1.41" })).toThrow("no conventions");
});

test("an address is never shown, since it may hold a password", () => {
  const said = (make: () => unknown) => {
    try {
      return expect.fail(String(make()));
    } catch (error) {
      return JSON.stringify([String(error), error]);
    }
  };
  const errors = [
    said(() => otel({ url: "ada:secret@h:4318" })),
    said(() => otel({ metrics: { url: "ada:secret@h:4318" } })),
    said(() => otel({ url: "http://ada:secret@h/otlp", metrics: true })),
    said(() => mlflow({ url: "http://ada:secret@h", experiment: "x" })),
  ];
  expect(errors.filter((error) => !error.includes("ARGUMENT_INVALID"))).toEqual([]);
  expect(errors.filter((error) => error.includes("secret"))).toEqual([]);
});
