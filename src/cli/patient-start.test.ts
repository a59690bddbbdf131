import { BatonError } from "baton";
import { expect, test } from "vitest";
import { patientStart } from "./patient-start.ts";

const overloaded = (retryAfterMs: number) =>
  new BatonError("OVERLOADED", "100 runs wait.", { details: { retryAfterMs } });

test("what is refused for overload is started again; any other error is not", async () => {
  let tries = 0;
  const start = async () => {
    tries += 1;
    if (tries < 3) throw overloaded(1);
    return "started";
  };
  const { signal } = new AbortController();
  expect(await patientStart(start, signal)).toBe("started");
  expect(tries).toBe(3);
  const broken = async () => {
    throw new BatonError("RUN_CONFLICT", "It exists.");
  };
  await expect(patientStart(broken, signal)).rejects.toMatchObject({ code: "RUN_CONFLICT" });
});

test("an interrupt ends the pause", async () => {
  const interrupt = new AbortController();
  const started = patientStart(async () => {
    throw overloaded(3_600_000);
  }, interrupt.signal);
  interrupt.abort();
  await expect(started).rejects.toMatchObject({ code: "STORE_CLOSED" });
});
