/** What accepts a connection and says nothing holds up nobody for longer than was said. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { bureauAgrees, mlflowAgrees } from "./checks.ts";
import { lendingPlace } from "./servers/lending-place.ts";
import { until } from "./servers/mlflow.ts";

const TALLY = { runs: 0, calls: 0, tokens: 0, cost: "0", inquiries: 0 };

let url = "";
beforeEach(async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  // A server that listens on a port has an address of this form.
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

test.each([
  ["the bureau", () => bureauAgrees(url, TALLY)],
  ["MLflow", () => mlflowAgrees(url, TALLY)],
  [
    "Unity Catalog",
    () => {
      const stop = () => Promise.resolve();
      const server = { url, dialect: "open-source", tokenOf: () => "token", stop } as const;
      return lendingPlace(server, "ada", []);
    },
  ],
])("%s has a time to answer in", async (_, ask) => {
  const limit = vi.spyOn(AbortSignal, "timeout").mockImplementation(() => AbortSignal.abort());
  await expect(ask()).rejects.toMatchObject({ name: "AbortError" });
  expect(limit).toHaveBeenCalledOnce();
});

test("a start that is waited for ends in its time, also while it is asked after", async () => {
  const waiting = until(50, async (signal) => (await fetch(url, { signal })).ok);
  await expect(waiting).rejects.toThrow("within 50 ms");
});
