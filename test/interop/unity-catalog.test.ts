/** The registry in a real Unity Catalog: the tests of test/unity-catalog, and what only the real one can show. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { catalogueItems, type Contract, memory, open } from "baton";
import { deltaFolder, deltaSink } from "baton/delta";
import { publishTables, unityCatalog } from "baton/unity-catalog";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Application } from "../../examples/credit-decision/contracts.ts";
import { makeApplication } from "../../examples/credit-decision/people.ts";
import { creditDecision } from "../../examples/credit-decision/workflow.ts";
import { rowsOf, TABLE_NAMES } from "../support/delta-places.ts";
import { askUnity, openUnity, unityPlace, type UnityServer } from "../support/unity-places.ts";
import { unitySuite } from "../conformance/unity-catalog/suite.ts";
import { askChdbThroughUnity, installChdb } from "./delta-readers.ts";
import { installUnityCatalog, startUnityCatalog } from "./unity-catalog.ts";

type Asked = typeof Application extends Contract<infer X> ? X : never;

const missing = installUnityCatalog();
const noChdb = missing ?? installChdb();

describe.skipIf(missing !== undefined)("the open-source server", () => {
  let server: UnityServer;
  beforeAll(async () => {
    server = await startUnityCatalog();
  });
  afterAll(() => server?.stop());

  unitySuite(() => server);

  test("whose user was disabled still has its grants, and whose user was removed has none", async () => {
    const options = await unityPlace(server, "ada", ["grace"]);
    const registry = await openUnity(options);
    await registry.publish(catalogueItems({ workflows: [creditDecision] }), "ada");
    const grant = { principal: "grace", privilege: "EXECUTE" } as const;
    await registry.grant("agent", "credit-score", grant, "ada");
    const users = "/api/1.0/unity-control/scim2/Users";
    const { body } = await askUnity(server, "admin", "GET", users);
    // As SCIM lists them.
    const all = body["Resources"] as readonly { readonly id: string; readonly userName: string }[];
    const grace = all.find(({ userName }) => userName === "grace");
    const may = () => registry.mayExecute("agent", "credit-score", "grace");
    await askUnity(server, "admin", "PUT", `${users}/${grace?.id}`, { ...grace, active: false });
    expect(await may()).toBe(true);
    await askUnity(server, "admin", "DELETE", `${users}/${grace?.id}`);
    expect(await may()).toBe(false);
  });

  describe.skipIf(noChdb !== undefined)("and chdb (delta-kernel-rs)", () => {
    test("the tables of credit decisions that were admitted are found and read through the catalogue", async () => {
      const folder = mkdtempSync(join(tmpdir(), "baton-unity-tables-"));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const options = await unityPlace(server, "ada", []);
      const store = memory();
      const baton = await open({
        store,
        workflows: [creditDecision],
        registry: unityCatalog(options),
        principal: "ada",
      });
      await baton.registry.publish(catalogueItems({ workflows: [creditDecision] }), "ada");
      for (let n = 1; n <= 5; n += 1) {
        // A copy, whose lists are no longer read-only.
        const application = structuredClone(makeApplication({ seed: 7, number: n })) as Asked;
        await (await baton.start(creditDecision, application, { id: application.id })).outcome();
      }
      const lake = deltaFolder(join(folder, "lake"));
      const sink = await deltaSink({ store, to: lake });
      await sink.drain();
      await sink.close();
      await baton.close();
      await publishTables(options, { location: pathToFileURL(join(folder, "lake")).href });

      const asked = { url: server.url, token: server.tokenOf("ada"), catalog: options.catalog };
      const tables = askChdbThroughUnity(folder, { ...asked, sql: "SHOW TABLES FROM uc" });
      expect(tables.map(({ name }) => String(name)).toSorted()).toEqual(
        TABLE_NAMES.map((name) => `lending.baton_${name}`).toSorted(),
      );
      const hashes = askChdbThroughUnity(folder, {
        ...asked,
        sql: "SELECT position, hash FROM uc.`lending.baton_entries` ORDER BY position",
      });
      const rows = await rowsOf(lake, "entries");
      expect(rows.length).toBeGreaterThan(20);
      expect(hashes.map(({ position, hash }) => [Number(position), hash])).toEqual(
        rows.map(({ position, hash }) => [Number(position), hash]),
      );
    });
  });
});
