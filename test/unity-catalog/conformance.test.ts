/** What every registry must do, done by Unity Catalog over HTTP; test/interop has the same against the real server. */
import { afterAll, beforeAll, describe } from "vitest";
import { type FakeUnityServer, fakeUnityServer } from "../support/unity-server.ts";
import { unitySuite } from "../conformance/unity-catalog/suite.ts";

describe.each(["open-source", "databricks"] as const)("%s", (dialect) => {
  let server: FakeUnityServer;
  beforeAll(async () => {
    server = await fakeUnityServer(dialect);
  });
  afterAll(() => server.stop());

  unitySuite(() => server);
});
