/** What every registry must do, done by Unity Catalog over HTTP; test/interop has the same against the real server. */
import { afterAll, beforeAll, describe } from "vitest";
import { type FakeUnityServer, fakeUnityServer } from "../support/unity-server.ts";
import { unityCases } from "./cases.ts";
import { unityConformance } from "./suite.ts";

describe.each(["open-source", "databricks"] as const)("%s", (dialect) => {
  let server: FakeUnityServer;
  beforeAll(async () => {
    server = await fakeUnityServer(dialect);
  });
  afterAll(() => server.stop());

  unityConformance(() => server);
  unityCases(() => server);
});
