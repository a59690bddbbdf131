import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memory } from "baton";
import { sqlite } from "baton/sqlite";
import { expect, test } from "vitest";
import { registryConformance } from "../../test/conformance/registry.ts";
import { loan, loanItems, registryIn } from "../../test/support/registered.ts";
import { verifyStore } from "../journal/verify.ts";
import { catalogueItems } from "./catalogue-items.ts";
import { embeddedRegistry } from "./embedded.ts";

registryConformance("embedded, in memory", async () => {
  const store = memory();
  return { open: () => registryIn(store), dispose: async () => {} };
});

registryConformance("embedded, in SQLite", async () => {
  const folder = await mkdtemp(join(tmpdir(), "baton-registry-"));
  return {
    open: () => registryIn(sqlite(join(folder, "baton.db"))),
    dispose: () => rm(folder, { recursive: true }),
  };
});

const AGENT = { kind: "agent", name: "loan-scoring", version: "1.0.0" } as const;

test("names get the catalog and schema that they don't say", async () => {
  const registry = await registryIn(memory(), { catalog: "bank", schema: "lending" });
  const [first] = await registry.publish(loanItems(), "ada");
  expect(first?.fullName).toBe("bank.lending.loan-application");
  const named = loanItems().map((item) => ({ ...item, name: `risk.eu.${item.name}` }));
  const [other] = await registry.publish(named, "ada");
  expect(other?.fullName).toBe("risk.eu.loan-application");
  await registry.close();
});

test("what is of another catalog and schema is told of under its full name, with what it uses", async () => {
  const store = memory();
  const elsewhere = await registryIn(store);
  await elsewhere.publish(loanItems(), "ada");
  await elsewhere.close();
  const registry = await registryIn(store, { catalog: "bank", schema: "lending" });
  await registry.publish(loanItems("2.0.0"), "bob");
  const told: unknown[] = [];
  for await (const { name, version, owner, uses } of registry.list("agent")) {
    const [, output] = uses;
    told.push([name, version, owner, output?.name]);
    expect((await registry.find({ kind: "agent", name, version }))?.name).toBe(name);
  }
  expect(told).toEqual([
    ["main.default.loan-scoring", "1.0.0", "ada", "main.default.loan-report"],
    ["loan-scoring", "2.0.0", "bob", "loan-report"],
  ]);
  await registry.close();
});

test("its journal is verified like any other, and says who did what", async () => {
  const factory = memory();
  const registry = await registryIn(factory);
  await registry.publish(loanItems(), "ada");
  await registry.grant("agent", AGENT.name, { principal: "bob", privilege: "EXECUTE" }, "ada");
  await registry.setAlias(AGENT, "champion", "carol");
  await registry.setOwner?.("agent", AGENT.name, "carol", "ada");
  await registry.close();
  const store = await factory({ readOnly: true });
  const told = await store.read(
    { namespace: "default", stream: "registry/agent/main.default.loan-scoring" },
    0,
  );
  const entries = told.map(({ text }) => JSON.parse(text) as Record<string, unknown>);
  expect(entries.map(({ kind, by }) => [kind, by])).toEqual([
    ["registry.published", { kind: "person", id: "ada" }],
    ["registry.granted", { kind: "person", id: "ada" }],
    ["registry.aliased", { kind: "person", id: "carol" }],
    ["registry.owned", { kind: "person", id: "ada" }],
  ]);
  expect((await verifyStore(store)).problems).toEqual([]);
  await store.close();
});

test("what a version uses may grow: another version of an agent takes over in a workflow", async () => {
  const registry = await registryIn(memory());
  const [one, two] = ["1.0.0", "1.1.0"].map((version) => {
    const { decision } = loan();
    const steps = decision.steps.map((step) =>
      step.kind === "agent"
        ? { ...step, agent: { ...step.agent, version, id: `loan-scoring@${version}` } }
        : step,
    );
    return catalogueItems({ workflows: [{ ...decision, steps }] });
  });
  await registry.publish(one ?? [], "ada");
  const published = await registry.publish(two ?? [], "ada");
  const workflow = { kind: "workflow", name: "loan-decision", version: "1.0.0" } as const;
  expect(published.find(({ key }) => key.kind === "workflow")?.became).toBe("same");
  const uses = (await registry.find(workflow))?.uses ?? [];
  expect(uses.filter(({ kind }) => kind === "agent").map(({ version }) => version)).toEqual([
    "1.0.0",
    "1.1.0",
  ]);
  await registry.close();
});

test("a store that can't be read is a registry that can't be asked", async () => {
  const factory = memory();
  const store = await factory({ readOnly: true });
  const made = embeddedRegistry();
  if (made.kind === "outside") throw new Error("it is kept in the store");
  const registry = await made.open({
    store: { ...store, read: () => Promise.reject(new Error("the disk is gone")) },
    namespace: "default",
    now: () => 0,
    epoch: undefined,
  });
  await expect(registry.mayExecute("agent", AGENT.name, "ada")).rejects.toMatchObject({
    code: "REGISTRY_UNAVAILABLE",
    message: expect.stringContaining("the disk is gone"),
  });
  await expect(registry.find(AGENT)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
  await store.close();
});

test("opened for reading only, it is not written", async () => {
  const factory = memory();
  const store = await factory({ readOnly: true });
  const made = embeddedRegistry();
  if (made.kind === "outside") throw new Error("it is kept in the store");
  const host = { store, namespace: "default", now: () => 0, epoch: undefined };
  const registry = await made.open(host);
  await expect(registry.publish(loanItems(), "ada")).rejects.toMatchObject({
    code: "STORE_READ_ONLY",
  });
  await store.close();
});

test("a catalog or schema that is no name is refused", () => {
  expect(() => embeddedRegistry({ catalog: "a.b" })).toThrow("is not a name of a catalog");
});
