import { memory } from "baton";
import { expect, test } from "vitest";
import { loanItems, registryIn } from "../../test/support/registered.ts";
import { fingerprintOf } from "./catalogue-items.ts";
import { drift } from "./drift.ts";
import { differenceText } from "./differences.ts";

const AGENT = { kind: "agent", name: "loan-scoring", version: "1.0.0" } as const;

test("none where the code says what is registered", async () => {
  const registry = await registryIn(memory());
  await registry.publish(loanItems(), "ada");
  expect(await drift(registry, loanItems())).toEqual([]);
  await registry.close();
});

test("what is in the code and was never published", async () => {
  const registry = await registryIn(memory());
  await registry.publish(
    loanItems().filter(({ kind }) => kind !== "agent"),
    "ada",
  );
  expect(await drift(registry, loanItems())).toEqual([{ kind: "notRegistered", key: AGENT }]);
  await registry.close();
});

test("what differs is told with its paths and both values", async () => {
  const registry = await registryIn(memory());
  await registry.publish(loanItems(), "ada");
  const changed = loanItems().map((item) => {
    if (item.kind !== "agent") return item;
    const definition = { ...item.definition, attempts: 5, heartbeatMs: 100 };
    return { ...item, definition, fingerprint: fingerprintOf(definition) };
  });
  const [found, ...others] = await drift(registry, changed);
  expect(others).toEqual([]);
  expect(found).toMatchObject({
    kind: "differs",
    key: AGENT,
    fullName: "main.default.loan-scoring",
    differences: [
      { kind: "changed", path: "/attempts", before: 3, after: 5 },
      { kind: "added", path: "/heartbeatMs", after: 100 },
    ],
  });
  expect(found?.kind === "differs" ? found.differences.map(differenceText) : []).toEqual([
    "/attempts is registered as 3, and is 5 in the code",
    "/heartbeatMs is new in the code: 100",
  ]);
  await registry.close();
});

test("what is registered and no longer in the code, but not what a newer version in the code has followed", async () => {
  const registry = await registryIn(memory());
  await registry.publish(loanItems("1.0.0"), "ada");
  await registry.publish(loanItems("2.0.0"), "ada");
  expect(await drift(registry, loanItems("2.0.0"))).toEqual([]);
  const back = await drift(registry, loanItems("1.0.0"));
  expect(back.map(({ kind, key }) => [kind, key.kind, key.version])).toEqual([
    ["notInCode", "agent", "2.0.0"],
    ["notInCode", "contract", "2.0.0"],
    ["notInCode", "workflow", "2.0.0"],
  ]);
  expect((await drift(registry, [])).map(({ kind }) => kind)).toEqual(
    Array.from({ length: 7 }, () => "notInCode"),
  );
  await registry.close();
});

test("an alias that points to a version that is not in the code", async () => {
  const registry = await registryIn(memory());
  await registry.publish(loanItems("1.0.0"), "ada");
  await registry.publish(loanItems("2.0.0"), "ada");
  await registry.setAlias(AGENT, "champion", "ada");
  expect(await drift(registry, loanItems("2.0.0"))).toEqual([
    {
      kind: "aliasNotInCode",
      key: AGENT,
      fullName: "main.default.loan-scoring",
      alias: "champion",
    },
  ]);
  await registry.close();
});

test("names of another catalog and schema are neither told of nor taken for its own", async () => {
  const store = memory();
  const elsewhere = await registryIn(store);
  await elsewhere.publish(loanItems("1.0.0"), "ada");
  await elsewhere.publish(loanItems("2.0.0"), "ada");
  await elsewhere.setAlias({ ...AGENT, version: "2.0.0" }, "champion", "ada");
  await elsewhere.close();
  const registry = await registryIn(store, { catalog: "bank", schema: "lending" });
  await registry.publish(loanItems("1.0.0"), "bob");
  expect(await drift(registry, loanItems("1.0.0"))).toEqual([]);
  // Code of main.default has it; code of this registry does not.
  await registry.publish(loanItems("2.0.0"), "bob");
  const found = await drift(registry, loanItems("1.0.0"));
  expect(found.map((each) => "fullName" in each && [each.kind, each.fullName])).toEqual([
    ["notInCode", "bank.lending.loan-scoring"],
    ["notInCode", "bank.lending.loan-report"],
    ["notInCode", "bank.lending.loan-decision"],
  ]);
  await registry.close();
});

test("a name that the code says in full is held against what is registered there", async () => {
  const store = memory();
  const elsewhere = await registryIn(store);
  await elsewhere.publish(loanItems("1.0.0"), "ada");
  await elsewhere.publish(loanItems("2.0.0"), "ada");
  await elsewhere.close();
  const registry = await registryIn(store, { catalog: "bank", schema: "lending" });
  const inFull = loanItems("1.0.0").map((item) => ({ ...item, name: `main.default.${item.name}` }));
  const found = await drift(registry, inFull);
  expect(found.map(({ kind, key }) => [kind, key.kind, key.name, key.version])).toEqual([
    ["notInCode", "agent", "main.default.loan-scoring", "2.0.0"],
    ["notInCode", "contract", "main.default.loan-report", "2.0.0"],
    ["notInCode", "workflow", "main.default.loan-decision", "2.0.0"],
  ]);
  await registry.close();
});
