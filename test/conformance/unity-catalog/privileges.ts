/** Who may have what executed, as the catalogue says it. */
import { describe, expect, test } from "vitest";
import { loanItems } from "../../support/registered.ts";
import {
  askUnity,
  changePrivileges,
  openUnity,
  unityPlace,
  type UnityServer,
} from "../../support/unity-places.ts";

const AGENT = { kind: "agent", name: "loan-scoring", version: "1.0.0" } as const;
const EXECUTE = { principal: "grace", privilege: "EXECUTE" } as const;

export function unityPrivileges(server: () => UnityServer): void {
  const place = (...users: readonly string[]) => unityPlace(server(), "ada", users);
  const ask = (who: string, method: string, path: string, body?: unknown) =>
    askUnity(server(), who, method, path, body);

  describe("who may", () => {
    async function published(...users: readonly string[]) {
      const options = await place(...users);
      const registry = await openUnity(options);
      await registry.publish(loanItems(), "ada");
      const may = (who: string) => registry.mayExecute("agent", "loan-scoring", who);
      const nameFunction = `function/${options.catalog}.lending.loan_scoring`;
      const schema = `schema/${options.catalog}.lending`;
      const catalog = `catalog/${options.catalog}`;
      const change = (
        securable: string,
        who: string,
        what: { add?: string[]; remove?: string[] },
      ) => changePrivileges(server(), securable, who, what);
      return { options, registry, may, nameFunction, schema, catalog, change };
    }

    test("what an administrator grants or revokes in the catalogue counts, as the server itself would have it", async () => {
      const { options, registry, may, nameFunction, change } = await published("grace");
      const seen = async () => {
        const path = `/functions/${options.catalog}.lending.loan_scoring`;
        return (await ask("grace", "GET", path)).status;
      };
      expect([await may("grace"), await seen()]).toEqual([false, 403]);
      await change(nameFunction, "grace", { add: ["EXECUTE"] });
      expect([await may("grace"), await seen()]).toEqual([true, 200]);
      expect(await registry.grants("agent", "loan-scoring")).toEqual([EXECUTE]);
      await change(nameFunction, "grace", { remove: ["EXECUTE"] });
      expect([await may("grace"), await seen()]).toEqual([false, 403]);
    });

    test.each(["schema", "catalog", "metastore"] as const)(
      "EXECUTE on the %s holds for all that is in it",
      async (level) => {
        const { options, registry, change, ...levels } = await published("grace", "alan");
        const securables = { ...levels, metastore: "metastore/metastore" };
        // Grants on the metastore are shown to its owner.
        const asked = await openUnity({ ...options, token: server().tokenOf("admin") });
        const may = (who: string) => asked.mayExecute("agent", "loan-scoring", who);
        await change(securables[level], "grace", { add: ["EXECUTE"] });
        expect([await may("grace"), await may("alan")]).toEqual([true, false]);
        // It is no grant of the agent's own.
        expect(await registry.grants("agent", "loan-scoring")).toEqual([]);
        await change(securables[level], "grace", { remove: ["EXECUTE"] });
        expect(await may("grace")).toBe(false);
      },
    );

    test.each(["schema", "catalog"] as const)(
      "who may no more use the %s may no more execute what is in it",
      async (level) => {
        const { may, change, registry, ...securables } = await published("grace");
        await registry.grant("agent", "loan-scoring", EXECUTE, "ada");
        const use = level === "schema" ? "USE SCHEMA" : "USE CATALOG";
        await change(securables[level], "grace", { remove: [use] });
        expect(await may("grace")).toBe(false);
        await change(securables[level], "grace", { add: [use] });
        expect(await may("grace")).toBe(true);
      },
    );

    test("nobody can be named whom the catalogue does not know", async () => {
      const { registry, may } = await published();
      const nobody = { ...EXECUTE, principal: "nobody@example.com" } as const;
      await expect(registry.grant("agent", "loan-scoring", nobody, "ada")).rejects.toMatchObject({
        code: "ARGUMENT_INVALID",
      });
      await registry.revoke("agent", "loan-scoring", nobody, "ada");
      expect(await may("nobody@example.com")).toBe(false);
    });

    test("a token that is not known is told of", async () => {
      const options = await place();
      const registry = await openUnity({ ...options, token: "bad.token.here" });
      await expect(registry.find(AGENT)).rejects.toMatchObject({
        code: "REGISTRY_UNAVAILABLE",
        hint: expect.stringContaining("token"),
        details: { status: 401 },
      });
    });
  });
}
