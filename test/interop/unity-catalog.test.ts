/** The registry in a real Unity Catalog: the tests of test/unity-catalog, and what only the real one can show. */
import { afterAll, beforeAll, describe } from "vitest";
import type { UnityServer } from "../support/unity-places.ts";
import { unityCases } from "../unity-catalog/cases.ts";
import { unityConformance } from "../unity-catalog/suite.ts";
import { installUnityCatalog, startUnityCatalog } from "./unity-catalog.ts";

const missing = installUnityCatalog();
if (missing !== undefined)
  console.error(`\n!!! SKIPPED: nothing was asked of a real Unity Catalog: ${missing}\n`);

describe.skipIf(missing !== undefined)("the open-source server", () => {
  let server: UnityServer;
  beforeAll(async () => {
    server = await startUnityCatalog();
  });
  afterAll(() => server?.stop());

  unityConformance(() => server);
  unityCases(() => server);
});
