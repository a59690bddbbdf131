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
  expect(nats({ from: "2026-05-01T00:00:00Z" }).from).toBe("2026-05-01T00:00:00Z");
});

test.each([
  [{ servers: [] }, /servers/],
  [{ servers: [4222] }, /address/],
  [{ servers: "" }, /address/],
  [{ stream: "a.b" }, /a\.b/],
  [{ prefix: "a.>" }, /a\.>/],
  [{ from: "soon" }, /soon/],
  [{ from: "foo 1" }, /ISO time/],
  [{ from: "2026-02-30T00:00:00Z" }, /ISO time/],
  [{ inFlight: 0 }, /inFlight/],
  [{ replicas: 6 }, /replicas/],
  [{ strem: "X" }, /strem/],
])("%o is refused", (options, message) => {
  // What types refuse comes from configuration files that no compiler has seen.
  expect(() => nats(options as Parameters<typeof nats>[0])).toThrow(message);
});

test.each(["nats://me:secret@nats-1:4222", "secret@nats-1:4222"])(
  "an address that says who logs in is refused, and not said again: %#",
  (server) => {
    for (const servers of [server, ["nats-2:4222", server]]) {
      let thrown: unknown;
      try {
        nats({ servers });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({
        code: "ARGUMENT_INVALID",
        hint: expect.stringMatching(/user and pass, token/),
        message: expect.not.stringContaining("secret"),
      });
    }
  },
);

test("a package that is missing is named", async () => {
  const missing = () => import("./no-such-package.ts" as string);
  await expect(loadDriver(missing)).rejects.toMatchObject({
    code: "DEPENDENCY_MISSING",
    hint: "Install them: npm install @nats-io/transport-node @nats-io/jetstream",
  });
});
