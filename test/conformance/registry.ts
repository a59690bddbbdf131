/** What every registry must do: the promises G1 to G4 of the port. Call it in a test file of each registry. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Registry, RegistryItem, RegistryKey } from "../../src/ports/registry.ts";
import { loanItems } from "../support/registered.ts";

/** A registry, empty for each test; `open` gives it again, as processes come and go. Its catalog and schema are the same each time. */
export interface RegistryFixture {
  readonly open: () => Promise<Registry>;
  readonly dispose: () => Promise<void>;
}

const AGENT: RegistryKey = { kind: "agent", name: "loan-scoring", version: "1.0.0" };
const EXECUTE = { principal: "grace", privilege: "EXECUTE" } as const;

/** Runs the suite against the registry that `makeFixture` gives. */
export function registryConformance(
  name: string,
  makeFixture: () => Promise<RegistryFixture>,
): void {
  describe(`registry: ${name}`, () => {
    let fixture: RegistryFixture;
    let registry: Registry;

    beforeEach(async () => {
      fixture = await makeFixture();
      registry = await fixture.open();
    });
    afterEach(async () => {
      await registry.close();
      await fixture.dispose();
    });

    const reopen = async () => {
      await registry.close();
      registry = await fixture.open();
    };
    const listed = async (kind?: RegistryKey["kind"]) => {
      const found: string[] = [];
      for await (const item of registry.list(kind))
        found.push(`${item.kind} ${item.name}@${item.version}`);
      return found.sort();
    };
    const grants = async () =>
      (await registry.grants("agent", "loan-scoring")).map(({ principal }) => principal);
    const mayGrace = () => registry.mayExecute("agent", "loan-scoring", "grace");

    describe("G1: what is registered stays as it is", () => {
      test("what is published is found, as it was, also after it was opened again", async () => {
        const items = loanItems();
        const published = await registry.publish(items, "ada");
        expect(published.map(({ became }) => became)).toEqual(items.map(() => "registered"));
        await reopen();
        for (const item of items) {
          const { kind, name, version } = item;
          const found = await registry.find({ kind, name, version });
          expect(found).toMatchObject({ kind, name, version, aliases: [] });
          expect(found?.fingerprint).toBe(item.fingerprint);
          expect(found?.definition).toEqual(item.definition);
          expect(found?.uses).toEqual(item.uses);
          expect(found?.fullName.split(".")).toHaveLength(3);
          expect(found?.fullName.endsWith(`.${name}`)).toBe(true);
        }
      });

      test("what was never published is not found", async () => {
        await registry.publish(loanItems(), "ada");
        expect(await registry.find({ ...AGENT, version: "9.0.0" })).toBeUndefined();
        expect(await registry.find({ ...AGENT, name: "nobody" })).toBeUndefined();
        expect(await registry.find({ ...AGENT, kind: "workflow" })).toBeUndefined();
      });

      test("publishing the same again changes nothing", async () => {
        await registry.publish(loanItems(), "ada");
        const again = await registry.publish(loanItems(), "bob");
        expect(again.map(({ became }) => became)).toEqual(loanItems().map(() => "same"));
        expect(await listed()).toHaveLength(loanItems().length);
      });

      test("another version stands beside the first", async () => {
        await registry.publish(loanItems("1.0.0"), "ada");
        await registry.publish(loanItems("2.0.0"), "ada");
        expect(await listed("agent")).toEqual([
          "agent loan-scoring@1.0.0",
          "agent loan-scoring@2.0.0",
        ]);
        const [first, second] = await Promise.all(
          ["1.0.0", "2.0.0"].map((version) => registry.find({ ...AGENT, version })),
        );
        expect(first?.fingerprint).not.toBe(second?.fingerprint);
      });

      test("the same version as something else is refused, and nothing of that call is kept", async () => {
        await registry.publish([itemOf(loanItems(), AGENT)], "ada");
        const other = itemOf(loanItems("2.0.0"), { ...AGENT, version: "2.0.0" });
        const changed = { ...other, version: "1.0.0" };
        const news = itemOf(loanItems(), { ...AGENT, kind: "workflow", name: "loan-decision" });
        await expect(registry.publish([news, changed], "ada")).rejects.toMatchObject({
          code: "REGISTRY_CONFLICT",
        });
        expect(await listed()).toEqual(["agent loan-scoring@1.0.0"]);
      });

      test("what is of one kind is listed alone", async () => {
        await registry.publish(loanItems(), "ada");
        expect(await listed("contract")).toEqual([
          "contract loan-application@1.0.0",
          "contract loan-report@1.0.0",
        ]);
        expect(await listed()).toHaveLength(4);
      });
    });

    describe("G2: the owner, and those with a grant", () => {
      test("the one who published a name first owns it, and may have it executed", async () => {
        await registry.publish(loanItems(), "ada");
        await registry.publish(loanItems("2.0.0"), "bob");
        expect((await registry.find(AGENT))?.owner).toBe("ada");
        expect(await registry.mayExecute("agent", "loan-scoring", "ada")).toBe(true);
        expect(await registry.mayExecute("agent", "loan-scoring", "bob")).toBe(false);
      });

      test("others may once it is granted, and no more once that is revoked", async () => {
        await registry.publish(loanItems(), "ada");
        expect(await mayGrace()).toBe(false);
        await registry.grant("agent", "loan-scoring", EXECUTE, "ada");
        expect(await mayGrace()).toBe(true);
        await reopen();
        expect(await mayGrace()).toBe(true);
        await registry.revoke("agent", "loan-scoring", EXECUTE, "ada");
        expect(await mayGrace()).toBe(false);
        await reopen();
        expect(await mayGrace()).toBe(false);
      });

      test("nobody may have executed what is not registered", async () => {
        expect(await mayGrace()).toBe(false);
      });

      test("a grant that is given twice is one, and one that was never given can be revoked", async () => {
        await registry.publish(loanItems(), "ada");
        await registry.revoke("agent", "loan-scoring", EXECUTE, "ada");
        await registry.grant("agent", "loan-scoring", EXECUTE, "ada");
        await registry.grant("agent", "loan-scoring", EXECUTE, "ada");
        await registry.grant("agent", "loan-scoring", { ...EXECUTE, principal: "alan" }, "ada");
        expect(await grants()).toEqual(["alan", "grace"]);
        await registry.revoke("agent", "loan-scoring", EXECUTE, "ada");
        expect(await grants()).toEqual(["alan"]);
      });

      test("what is not registered takes no grants", async () => {
        const code = "NOT_REGISTERED";
        const asked = [
          registry.grant("agent", "nobody", EXECUTE, "ada"),
          registry.revoke("agent", "nobody", EXECUTE, "ada"),
          registry.grants("agent", "nobody"),
        ];
        for (const each of await Promise.allSettled(asked))
          expect(each).toMatchObject({ status: "rejected", reason: { code } });
      });

      test("another owner may, and the one before no more", async ({ skip }) => {
        if (registry.setOwner === undefined) return skip("it has no way to change an owner");
        await registry.publish(loanItems(), "ada");
        await registry.setOwner("agent", "loan-scoring", "grace", "ada");
        await reopen();
        expect((await registry.find(AGENT))?.owner).toBe("grace");
        expect(await mayGrace()).toBe(true);
        expect(await registry.mayExecute("agent", "loan-scoring", "ada")).toBe(false);
      });
    });

    describe("G3: grants are of a name, aliases of a version", () => {
      test("a grant holds for versions that come later", async () => {
        await registry.publish(loanItems("1.0.0"), "ada");
        await registry.grant("agent", "loan-scoring", EXECUTE, "ada");
        await registry.publish(loanItems("2.0.0"), "ada");
        expect(await mayGrace()).toBe(true);
      });

      test("a grant on a workflow is none on an agent", async () => {
        await registry.publish(loanItems(), "ada");
        await registry.grant("workflow", "loan-decision", EXECUTE, "ada");
        expect(await registry.mayExecute("workflow", "loan-decision", "grace")).toBe(true);
        expect(await mayGrace()).toBe(false);
      });

      test("an alias points to one version, and moves", async () => {
        await registry.publish(loanItems("1.0.0"), "ada");
        await registry.publish(loanItems("2.0.0"), "ada");
        expect(await registry.alias("agent", "loan-scoring", "champion")).toBeUndefined();
        await registry.setAlias(AGENT, "champion", "ada");
        expect(await registry.alias("agent", "loan-scoring", "champion")).toBe("1.0.0");
        await registry.setAlias({ ...AGENT, version: "2.0.0" }, "champion", "ada");
        await reopen();
        expect(await registry.alias("agent", "loan-scoring", "champion")).toBe("2.0.0");
        expect((await registry.find(AGENT))?.aliases).toEqual([]);
        expect((await registry.find({ ...AGENT, version: "2.0.0" }))?.aliases).toEqual([
          "champion",
        ]);
      });

      test("an alias can't point to what is not registered", async () => {
        await registry.publish(loanItems(), "ada");
        for (const key of [
          { ...AGENT, version: "9.0.0" },
          { ...AGENT, name: "nobody" },
        ])
          await expect(registry.setAlias(key, "champion", "ada")).rejects.toMatchObject({
            code: "NOT_REGISTERED",
          });
        expect(await registry.alias("agent", "nobody", "champion")).toBeUndefined();
      });
    });

    test("G4: what was said is seen by the next question, of many that were asked at once", async () => {
      await registry.publish(loanItems(), "ada");
      const names = Array.from({ length: 10 }, (_, i) => `person-${i}`);
      const toEach = (principal: string) => ({ ...EXECUTE, principal });
      await Promise.all(
        names.map((name) => registry.grant("agent", "loan-scoring", toEach(name), "ada")),
      );
      expect(await grants()).toEqual(names);
      await Promise.all(
        names.slice(5).map((name) => registry.revoke("agent", "loan-scoring", toEach(name), "ada")),
      );
      const may = await Promise.all(
        names.map((name) => registry.mayExecute("agent", "loan-scoring", name)),
      );
      expect(may).toEqual(names.map((_, i) => i < 5));
    });

    test("what is listed has a name under which it is found, and its full name is what that stands for", async () => {
      await registry.publish(loanItems("1.0.0"), "ada");
      await registry.publish(loanItems("2.0.0"), "ada");
      for await (const { kind, name, version, fullName } of registry.list()) {
        expect(registry.fullName(name)).toBe(fullName);
        expect(await registry.find({ kind, name, version })).toMatchObject({ fullName, version });
        expect(await registry.mayExecute(kind, name, "ada")).toBe(true);
      }
      expect(() => registry.fullName("a.b.c.d")).toThrow('"a.b.c.d" can\'t be registered');
    });

    test("what is no name or alias is refused", async () => {
      await registry.publish(loanItems(), "ada");
      const code = "ARGUMENT_INVALID";
      const asked = [
        registry.grant("agent", "loan-scoring", { ...EXECUTE, principal: "" }, "ada"),
        registry.grant("agent", "loan-scoring", { ...EXECUTE, principal: "a\nb" }, "ada"),
        registry.setAlias(AGENT, "1.0.0", "ada"),
        registry.setAlias(AGENT, "", "ada"),
      ];
      for (const each of await Promise.allSettled(asked))
        expect(each).toMatchObject({ status: "rejected", reason: { code } });
    });
  });
}

function itemOf(items: readonly RegistryItem[], key: RegistryKey): RegistryItem {
  const { kind, name, version } = key;
  const found = items.find(
    (item) => item.kind === kind && item.name === name && item.version === version,
  );
  if (found === undefined) throw new Error(`no ${kind} ${name}@${version}`);
  return found;
}
