import { expect, test } from "vitest";
import { loadDriver } from "./driver.ts";
import { nats } from "./nats.ts";

test("what is left out has a default", () => {
  expect(nats()).toMatchObject({ from: "now", inFlightMax: 256 });
  expect(nats({ topics: ["a"], from: "beginning", inFlight: 3 })).toMatchObject({
    topics: ["a"],
    from: "beginning",
    inFlightMax: 3,
  });
});

test.each([
  [{ servers: [] }, /servers/],
  [{ stream: "a.b" }, /a\.b/],
  [{ prefix: "a.>" }, /a\.>/],
  [{ from: "soon" }, /soon/],
  [{ inFlight: 0 }, /inFlight/],
  [{ replicas: 6 }, /replicas/],
  [{ strem: "X" }, /strem/],
])("%o is refused", (options, message) => {
  // What types refuse comes from configuration files that no compiler has seen.
  expect(() => nats(options as Parameters<typeof nats>[0])).toThrow(message);
});

test("a package that is missing is named", async () => {
  const missing = () => Promise.reject(new Error("Cannot find package"));
  await expect(loadDriver(missing)).rejects.toMatchObject({
    code: "DEPENDENCY_MISSING",
    hint: "Install them: npm install @nats-io/transport-node @nats-io/jetstream",
  });
});
