import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { memory } from "baton";
import { deltaBucket, deltaSink, verifyDelta } from "baton/delta";
import { expect, onTestFinished, test } from "vitest";
import { arrived, contents, exported, memoryPlace } from "../support/delta-places.ts";
import { type S3ServerOptions, s3Server } from "../support/s3-server.ts";
import { sampleRuns } from "../support/sample-journal.ts";

async function bucket(options: S3ServerOptions = {}) {
  const server = await s3Server(options);
  onTestFinished(() => server.close());
  const place = () =>
    deltaBucket({
      bucket: "lake",
      prefix: "prod/baton",
      endpoint: server.endpoint,
      region: "eu-central-1",
      credentials: { accessKeyId: "id", secretAccessKey: "secret" },
    });
  return { server, place };
}

async function sample(runs: number) {
  const store = memory();
  const { baton, more } = await sampleRuns(store);
  onTestFinished(() => baton.close());
  await more(runs);
  return { store, baton, more };
}

test("tables in a bucket: written, gone on with, read back and verified over HTTP", async () => {
  const { server, place } = await bucket();
  const { store, baton, more } = await sample(2);
  for (let round = 0; round < 12; round += 1) {
    const sink = await deltaSink({ store, to: place() });
    await sink.drain();
    await sink.close();
    await more(1);
  }
  const sink = await deltaSink({ store, to: place() });
  await sink.drain();
  await sink.close();
  expect(await exported(place())).toEqual(await arrived(store));
  expect(await verifyDelta(place())).toMatchObject({ ...(await baton.verify()) });
  expect(
    [...server.objects.keys()].filter((key) => key.includes("checkpoint.parquet")),
  ).not.toEqual([]);
  expect([...server.objects.keys()].filter((key) => key.includes("put-if-absent"))).toEqual([]);
  expect([...server.objects.keys()].every((key) => key.startsWith("lake/prod/baton/"))).toBe(true);
});

test("sinks that write to one bucket at the same time write each row once", async () => {
  const { place } = await bucket();
  const { store, more } = await sample(4);
  const sinks = await Promise.all(
    [4, 9, 30].map((rowsMax) => deltaSink({ store, to: place(), batch: { rowsMax } })),
  );
  await Promise.all([...sinks.map((sink) => sink.drain()), more(3)]);
  await Promise.all(sinks.map((sink) => sink.drain()));
  for (const sink of sinks) await sink.close();
  const alone = memoryPlace();
  const single = await deltaSink({ store, to: alone });
  await single.drain();
  await single.close();
  expect(await contents(place())).toEqual(await contents(alone));
});

test("a put that was done and answered with an error is not done again", async () => {
  let answers = 0;
  const { place } = await bucket({
    // The SDK tries again by itself, and is then told that the object is there: by its own first try.
    fault: (request) => {
      if (!request.startsWith("PUT") || !request.endsWith(".json")) return undefined;
      answers += 1;
      return answers % 2 === 1 ? { status: 500, done: true } : undefined;
    },
  });
  const { store } = await sample(3);
  const sink = await deltaSink({ store, to: place(), batch: { rowsMax: 15 } });
  await sink.drain();
  await sink.close();
  expect(answers).toBeGreaterThan(10);
  expect(await exported(place())).toEqual(await arrived(store));
  expect((await verifyDelta(place())).problems).toEqual([]);
});

test("a put that met another at the same moment is tried again", async () => {
  let answers = 0;
  const { place } = await bucket({
    fault: (request) => {
      if (!request.startsWith("PUT") || !request.endsWith(".json")) return undefined;
      answers += 1;
      return answers % 3 === 1 ? { status: 409, done: false } : undefined;
    },
  });
  const { store } = await sample(1);
  const sink = await deltaSink({ store, to: place() });
  await sink.drain();
  await sink.close();
  expect(await exported(place())).toEqual(await arrived(store));
});

test("a bucket that takes no notice of conditions is refused, and nothing is committed", async () => {
  const { server, place } = await bucket({ ignoresConditions: true });
  const { store } = await sample(1);
  const sink = await deltaSink({ store, to: place() });
  await expect(sink.drain()).rejects.toMatchObject({
    code: "TABLE_UNSUITABLE",
    message: expect.stringContaining("If-None-Match"),
  });
  await sink.close();
  expect([...server.objects.keys()]).toEqual([]);
});

test("a bucket that cannot be reached is TABLE_FAILED", async () => {
  const { server, place } = await bucket();
  await server.close();
  await expect(verifyDelta(place())).rejects.toMatchObject({
    code: "TABLE_FAILED",
    message: expect.stringContaining("s3://lake/prod/baton"),
  });
});

test.each<[string, (response: ServerResponse) => void]>([
  ["never answers", () => undefined],
  [
    "stops in the middle of an answer",
    (response) => response.writeHead(200, { "content-length": "100" }).write("{"),
  ],
])("an endpoint that %s is TABLE_FAILED when its time is over", async (_what, answer) => {
  const server = createServer((_request, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  // A server on a port has one.
  const { port } = server.address() as AddressInfo;
  const place = deltaBucket({
    bucket: "lake",
    endpoint: `http://127.0.0.1:${port}`,
    region: "eu-central-1",
    credentials: { accessKeyId: "id", secretAccessKey: "secret" },
    timeout: "20ms",
  });
  await expect(place.read("entries/_delta_log/_last_checkpoint")).rejects.toMatchObject({
    code: "TABLE_FAILED",
    message: expect.stringContaining("20 ms"),
  });
});

test("a time that is none is refused when the bucket is named", () => {
  expect(() => deltaBucket({ bucket: "lake", timeout: "0s" })).toThrow(
    expect.objectContaining({ code: "ARGUMENT_INVALID" }),
  );
});
