import { expect, test } from "vitest";
import { otel } from "./otel.ts";
import { loadOtlp } from "./otlp.ts";

test("an exporter that is not installed is named, with what to install", async () => {
  const missing = () => Promise.reject(new Error("Cannot find package"));
  await expect(loadOtlp(missing)).rejects.toMatchObject({
    code: "DEPENDENCY_MISSING",
    hint: expect.stringContaining("@opentelemetry/exporter-trace-otlp-proto@^0.223"),
  });
});

test("what can't be right is refused where it is written", () => {
  const exporter = { export: () => {}, shutdown: () => Promise.resolve() };
  expect(() => otel({ exporter, url: "http://h/v1/traces" })).toThrow("its own url");
  expect(() => otel({ url: "h:4318" })).toThrow("is not an address");
  expect(() => otel({ contentCharactersMax: 0 })).toThrow("contentCharactersMax");
  // What a caller without types may write.
  expect(() => otel({ from: "then" as "now" })).toThrow("beginning");
  expect(() => otel({ conventions: "2" as "1.41" })).toThrow("no conventions");
});
