/** The tables of baton/delta in the catalogue. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { listTables, publishTables } from "baton/unity-catalog";
import { describe, expect, test } from "vitest";
import { TABLE_NAMES } from "../../support/delta-places.ts";
import { askUnity, unityPlace, type UnityServer } from "../../support/unity-places.ts";

export function unityTables(server: () => UnityServer): void {
  const place = (...users: readonly string[]) => unityPlace(server(), "ada", users);
  const ask = (who: string, method: string, path: string, body?: unknown) =>
    askUnity(server(), who, method, path, body);

  describe("tables", () => {
    const lake = (name: string) => pathToFileURL(join(tmpdir(), `lake-${name}`)).href;

    test("are there as external Delta tables, with columns and types, once", async () => {
      const options = await place();
      const location = lake(options.catalog);
      const first = await publishTables(options, { location });
      expect(first.map(({ table }) => table).toSorted()).toEqual(TABLE_NAMES.toSorted());
      expect(new Set(first.map(({ became }) => became))).toEqual(new Set(["registered"]));
      const again = await publishTables(options, { location: `${location}/` });
      expect(again.map(({ became, differences }) => [became, differences])).toEqual(
        TABLE_NAMES.map(() => ["same", []]),
      );
      const found = await listTables(options);
      expect(found.map(({ table }) => table).toSorted()).toEqual(TABLE_NAMES.toSorted());
      const { body } = await ask(
        "ada",
        "GET",
        `/tables/${options.catalog}.lending.baton_agent_calls`,
      );
      expect(body).toMatchObject({
        table_type: "EXTERNAL",
        data_source_format: "DELTA",
        storage_location: `${location}/agent_calls`,
        owner: "ada",
      });
      const columns = body["columns"] as readonly Readonly<Record<string, unknown>>[];
      expect(columns.find(({ name }) => name === "cost")).toMatchObject({
        type_text: "decimal(38,18)",
        type_name: "DECIMAL",
        type_precision: 38,
        type_scale: 18,
        nullable: true,
      });
      expect(columns.find(({ name }) => name === "at")).toMatchObject({
        type_name: "TIMESTAMP",
        nullable: false,
        comment: expect.stringMatching(/./),
      });
    });

    test("that are there as something else are named, and left as they are", async () => {
      const options = await place();
      const location = lake(options.catalog);
      const column = (name: string, type: string, position: number) => ({
        name,
        type_text: type,
        type_name: type.toUpperCase(),
        type_json: JSON.stringify({ name, type, nullable: true, metadata: {} }),
        position,
        nullable: true,
      });
      await ask("ada", "POST", "/tables", {
        name: "audit_commits",
        catalog_name: options.catalog,
        schema_name: options.schema,
        table_type: "EXTERNAL",
        data_source_format: "DELTA",
        storage_location: `${location}-of-others`,
        columns: [
          column("hash", "string", 0),
          column("at", "date", 1),
          column("more", "string", 2),
        ],
      });
      const published = await publishTables(options, {
        location,
        prefix: "audit_",
        tables: ["commits", "events"],
      });
      expect(published).toEqual([
        {
          table: "commits",
          fullName: `${options.catalog}.lending.audit_commits`,
          became: "differs",
          differences: [
            `the place is ${location}-of-others, and is to be ${location}/commits`,
            "the column position is missing",
            "the type of the column at is date, and is to be timestamp",
            "the column commit_no is missing",
            "the column text is missing",
            "the column covers is missing",
            "the column more is not one of Baton's",
          ],
        },
        expect.objectContaining({ table: "events", became: "registered" }),
      ]);
      // One of the two was published from here.
      expect((await listTables(options)).map(({ fullName }) => fullName)).toEqual([
        `${options.catalog}.lending.audit_events`,
      ]);
    });

    test("need a folder's address, and a schema that is there", async () => {
      const options = await place();
      for (const location of ["lake", "/data/lake", "s3://bucket/lake?x=1", "file://"])
        await expect(publishTables(options, { location })).rejects.toMatchObject({
          code: "ARGUMENT_INVALID",
        });
      await expect(
        publishTables({ ...options, schema: "nowhere" }, { location: lake("none") }),
      ).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    });
  });
}
