/** What is particular to Unity Catalog, against any server: what stands in the catalogue, and what the catalogue has to say. */
import { pathToFileURL } from "node:url";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  agent,
  type Baton,
  catalogueItems,
  drift,
  jsonSchemaContract,
  type JsonObject,
  memory,
  open,
  type Registry,
  type RegistryItem,
  workflow,
} from "baton";
import { listTables, publishTables, unityCatalog } from "baton/unity-catalog";
import { describe, expect, onTestFinished, test } from "vitest";
import { creditDecision } from "../../examples/credit-decision/workflow.ts";
import { canonicalJson } from "../../src/journal/canonical.ts";
import { sha256Hex } from "../../src/journal/hash.ts";
import { TABLE_NAMES } from "../support/delta-places.ts";
import { count, gate } from "../support/opened.ts";
import { loanItems } from "../support/registered.ts";
import {
  askUnity,
  changePrivileges,
  unityPlace,
  type UnityServer,
} from "../support/unity-places.ts";
import { openUnity } from "./suite.ts";

const AGENT = { kind: "agent", name: "loan-scoring", version: "1.0.0" } as const;
const EXECUTE = { principal: "grace", privilege: "EXECUTE" } as const;

type Place = Awaited<ReturnType<typeof unityPlace>>;

export function unityCases(server: () => UnityServer): void {
  const place = (...users: readonly string[]) => unityPlace(server(), "ada", users);
  const ask = (who: string, method: string, path: string, body?: unknown) =>
    askUnity(server(), who, method, path, body);
  const functions = async ({ catalog, schema }: Place, who = "ada") => {
    const found: Readonly<Record<string, unknown>>[] = [];
    for (let token = ""; ; ) {
      const query = `catalog_name=${catalog}&schema_name=${schema}${token}`;
      const { body } = await ask(who, "GET", `/functions?${query}`);
      // As the API's reference says.
      found.push(...(body["functions"] as typeof found));
      if (typeof body["next_page_token"] !== "string") return found;
      token = `&page_token=${body["next_page_token"]}`;
    }
  };

  describe("what stands in the catalogue", () => {
    test("the credit decision is there for whoever asks the API: agents with typed parameters, contracts, the workflow", async () => {
      const options = await place();
      const registry = await openUnity(options);
      const items = catalogueItems({ workflows: [creditDecision] });
      await registry.publish(items, "ada");
      const found = await functions(options);
      const names = found.map(({ name }) => name);
      expect(names).toEqual(
        expect.arrayContaining([
          "credit_score",
          "credit_score__v1_2_0",
          "credit_decision__workflow",
          "credit_decision__workflow__v1_0_0",
          "credit_report__contract__v1_0_0",
        ]),
      );
      // A function for each version, and one for each name.
      expect(names).toHaveLength(2 * items.length);
      const score = found.find(({ name }) => name === "credit_score__v1_2_0");
      const { parameters } = score?.["input_params"] as {
        readonly parameters: readonly Readonly<Record<string, unknown>>[];
      };
      const typed = parameters
        .toSorted((a, b) => Number(a["position"]) - Number(b["position"]))
        .map(({ name, type_text }) => `${String(name)} ${String(type_text)}`);
      expect(typed).toEqual([
        "debts array<struct<balance:bigint,kind:string,latePayments:bigint,limit:bigint,monthlyPayment:bigint,openedOn:string>>",
        "nationalId string",
        "receivedAt string",
      ]);
      expect(score).toMatchObject({ owner: "ada", data_type: "STRUCT", routine_body: "EXTERNAL" });
      const item = items.find(({ kind, name }) => kind === "agent" && name === "credit-score");
      // From the item of the catalogue to the fingerprint, without Baton.
      expect(JSON.parse(String(score?.["routine_definition"]))).toMatchObject({
        format: "baton/registry/v1",
        is: "version",
        item: { name: "credit-score", version: "1.2.0", fingerprint: item?.fingerprint },
        by: "ada",
      });
      expect(await drift(registry, items)).toEqual([]);
    });

    test("what is of somebody else stays what it is, and is in nobody's way", async () => {
      const options = await place();
      const registry = await openUnity(options);
      await ask("ada", "POST", "/functions", foreign(options, "area"));
      await ask("ada", "POST", "/functions", foreign(options, "loan_scoring__v1_0_0"));
      expect(await registry.find(AGENT)).toBeUndefined();
      await expect(registry.publish(loanItems(), "ada")).rejects.toMatchObject({
        code: "REGISTRY_CONFLICT",
        message: `${options.catalog}.lending.loan_scoring__v1_0_0 is there, and is something else than agent loan-scoring@1.0.0.`,
      });
      expect((await functions(options)).map(({ name }) => name)).toEqual([
        "area",
        "loan_scoring__v1_0_0",
      ]);
      expect(await everything(registry)).toEqual([]);
    });

    test("two names that meet in one function are told apart", async () => {
      const options = await place();
      const registry = await openUnity(options);
      const [first, second] = [made("agent", "loan--v1-0-0"), made("agent", "loan")];
      await registry.publish([first], "ada");
      await expect(registry.publish([second], "ada")).rejects.toMatchObject({
        code: "REGISTRY_CONFLICT",
      });
      expect(await registry.find(second)).toBeUndefined();
      expect((await registry.find(first))?.fingerprint).toBe(first.fingerprint);
    });

    test("long schemas, and names and texts of all languages, come back as they were", async () => {
      const options = await place();
      const registry = await openUnity(options);
      const wide = jsonSchemaContract("wide", "1.0.0", {
        type: "object",
        description: "Prüfung \u{1F600} ".repeat(8_000),
        properties: {
          "größe in m²": { type: "number", description: "\u{1F600}".repeat(300) },
          "a.b `c` \"d\" 'e'": { type: ["string", "null"] },
          nested: wideObject(60),
          one: { anyOf: [{ type: "string" }, { type: "number" }] },
          ...Object.fromEntries(
            Array.from({ length: 300 }, (_, i) => [`field_${i}`, { type: "integer" }]),
          ),
        },
        required: ["nested"],
      });
      const checks = agent({
        name: "checks",
        version: "1.0.0",
        description: "Löscht nichts; -- '\"`\\ \u{1F600}\n".repeat(3_000),
        input: wide,
        output: wide,
        execute: (value) => value,
      });
      const flow = workflow("all-checks", "1.0.0", { input: wide })
        .step("check", checks, {
          input: ({ input }) => input,
        })
        .output(({ check }) => check);
      const items = catalogueItems({ workflows: [flow] });
      await registry.publish(items, "ada");
      for (const { kind, name, version, definition, description } of items)
        expect(await registry.find({ kind, name, version })).toMatchObject({
          definition,
          ...(description === undefined ? {} : { description }),
        });
      expect(await drift(registry, items)).toEqual([]);
    });

    test("names that say their catalog and schema are kept there", async () => {
      const options = await place();
      const registry = await openUnity(options);
      await ask("ada", "POST", "/schemas", { name: "risk", catalog_name: options.catalog });
      const elsewhere = made("contract", "risk.exposure");
      const [published] = await registry.publish([elsewhere], "ada");
      expect(published?.fullName).toBe(`${options.catalog}.risk.exposure`);
      expect(await registry.find(elsewhere)).toMatchObject({
        fullName: `${options.catalog}.risk.exposure`,
      });
      const names = (await functions({ ...options, schema: "risk" })).map(({ name }) => name);
      expect(names).toEqual(["exposure__contract", "exposure__contract__v1_0_0"]);
    });

    test("a schema that is not there has nothing in it, and takes nothing", async () => {
      const options = await place();
      const registry = await openUnity({ ...options, schema: "nowhere" });
      expect(await registry.find(AGENT)).toBeUndefined();
      expect(await everything(registry)).toEqual([]);
      expect(await registry.mayExecute("agent", "loan-scoring", "ada")).toBe(false);
      await expect(registry.publish(loanItems(), "ada")).rejects.toMatchObject({
        code: "REGISTRY_UNAVAILABLE",
        message: expect.stringContaining("Schema not found"),
      });
    });
  });

  describe("many at once", () => {
    test("of two who publish one version as different things, one at least is refused", async () => {
      const options = await place();
      const [one, other] = await Promise.all([openUnity(options), openUnity(options)]);
      const [first] = loanItems("1.0.0").filter(({ kind }) => kind === "agent");
      const [changed] = loanItems("2.0.0").filter(({ kind }) => kind === "agent");
      if (first === undefined || changed === undefined) throw new Error("no agent");
      const second = { ...changed, version: "1.0.0" };
      const settled = await Promise.allSettled([
        one.publish([first], "ada"),
        other.publish([second], "ada"),
      ]);
      // Where the server keeps both, both may be told.
      const refused = settled.filter(({ status }) => status === "rejected");
      expect(refused).not.toEqual([]);
      for (const each of refused)
        expect(each).toMatchObject({ reason: { code: "REGISTRY_CONFLICT" } });
      expect(await everything(one)).toEqual(["loan-scoring"]);
    });

    test("aliases that are set at the same time are all kept, each change with who made it", async () => {
      const options = await place();
      const registries = await Promise.all([1, 2, 3].map(() => openUnity(options)));
      await registries[0]?.publish(loanItems(), "ada");
      const aliases = ["champion", "challenger", "pilot", "shadow", "former", "next"];
      await Promise.all(
        aliases.map((alias, i) => registries[i % 3]?.setAlias(AGENT, alias, `person-${i}`)),
      );
      for (const registry of registries)
        expect((await registry.find(AGENT))?.aliases).toEqual(aliases.toSorted());
      const changes = (await functions(options))
        .filter(({ name }) => String(name).startsWith("loan_scoring__aliases_"))
        .map(({ routine_definition }) => JSON.parse(String(routine_definition)) as unknown);
      for (const [i, alias] of aliases.entries())
        expect(changes).toContainEqual(
          expect.objectContaining({
            by: `person-${i}`,
            set: expect.objectContaining({ [alias]: "1.0.0" }),
          }),
        );
    });
  });

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

  describe("a run", () => {
    /** Of two steps, the first waits for the test. */
    function twoSteps() {
      const [begun, goOn] = [gate(), gate()];
      const called: string[] = [];
      const stepOf = (name: string, during: () => Promise<void>) =>
        agent({
          name,
          version: "1.0.0",
          input: count,
          output: count,
          retry: { attempts: 3 },
          execute: async (n: number) => {
            called.push(name);
            await during();
            return n + 1;
          },
        });
      const one = stepOf("one", async () => {
        begun.open();
        await goOn.promise;
      });
      const flow = workflow("two-calls", "1.0.0", { input: count })
        .step("a", one, { input: ({ input }) => input })
        .step(
          "b",
          stepOf("two", async () => {}),
          { needs: ["a"], input: ({ a }) => a },
        )
        .output(({ b }) => b);
      return { flow, begun, goOn, called };
    }

    async function opened(options: Place, flow: ReturnType<typeof twoSteps>["flow"]) {
      const registry = unityCatalog(options);
      const baton = await open({ store: memory(), workflows: [flow], registry, log: () => {} });
      onTestFinished(() => baton.close({ graceMs: 0 }));
      return baton;
    }

    async function granted(baton: Baton) {
      await baton.registry.grant("workflow", "two-calls", EXECUTE, "ada");
      for (const name of ["one", "two"]) await baton.registry.grant("agent", name, EXECUTE, "ada");
    }

    const GRACE = { kind: "person", id: "grace" } as const;

    test("a grant that is revoked in the catalogue stops the next call, and the journal says why", async () => {
      const options = await place("grace");
      const { flow, begun, goOn, called } = twoSteps();
      const baton = await opened(options, flow);
      await baton.registry.publish(catalogueItems({ workflows: [flow] }), "ada");
      await granted(baton);
      const run = await baton.start(flow, 1, { id: "r", by: GRACE });
      await begun.promise;
      await changePrivileges(server(), `function/${options.catalog}.lending.two`, "grace", {
        remove: ["EXECUTE"],
      });
      goOn.open();
      const where = `${options.catalog}.lending`;
      expect(await run.outcome()).toMatchObject({
        kind: "failed",
        step: "b",
        error: {
          code: "NOT_GRANTED",
          message: `grace has no EXECUTE on agent ${where}.two, by ${where} at ${server().url}.`,
        },
      });
      expect(called).toEqual(["one"]);
      await baton.registry.grant("agent", "two", EXECUTE, "ada");
      const again = await baton.start(flow, 1, { id: "again", by: GRACE });
      expect(await again.result()).toBe(3);
    });

    test("an agent that is registered as something else is not called, and what differs is named", async () => {
      const options = await place("grace");
      const { flow, called, goOn } = twoSteps();
      goOn.open();
      const items = catalogueItems({ workflows: [flow] });
      const registry = await openUnity(options);
      const changed = items.map((each) =>
        each.kind === "agent" && each.name === "two"
          ? made("agent", "two", { ...each.definition, attempts: 7 })
          : each,
      );
      await registry.publish(changed, "ada");
      const baton = await opened(options, flow);
      await granted(baton);
      expect(await drift(baton.registry, items)).toMatchObject([
        {
          kind: "differs",
          key: { kind: "agent", name: "two", version: "1.0.0" },
          fullName: `${options.catalog}.lending.two`,
          differences: [{ kind: "changed", path: "/attempts", before: 7, after: 3 }],
        },
      ]);
      const run = await baton.start(flow, 1, { by: GRACE });
      expect(await run.outcome()).toMatchObject({
        kind: "failed",
        step: "b",
        error: { code: "REGISTRY_DRIFT" },
      });
      expect(called).toEqual(["one"]);
    });

    test("a catalogue that can't be reached lets nothing through", async () => {
      const options = await place("grace");
      const { flow, called } = twoSteps();
      // Nobody listens at the port of a discarded service.
      const baton = await opened({ ...options, url: "http://127.0.0.1:9" }, flow);
      await expect(baton.start(flow, 1, { by: GRACE })).rejects.toMatchObject({
        code: "REGISTRY_UNAVAILABLE",
      });
      expect(called).toEqual([]);
    });
  });

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

function made(kind: RegistryItem["kind"], name: string, definition: JsonObject = {}): RegistryItem {
  const fingerprint = sha256Hex(canonicalJson(definition));
  return { kind, name, version: "1.0.0", definition, fingerprint, uses: [] };
}

async function everything(registry: Registry): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { name } of registry.list()) found.push(name);
  return found;
}

/** A function such as somebody else has. */
function foreign({ catalog, schema }: Place, name: string) {
  return {
    function_info: {
      name,
      catalog_name: catalog,
      schema_name: schema,
      input_params: { parameters: [] },
      data_type: "DOUBLE",
      full_data_type: "double",
      routine_body: "EXTERNAL",
      external_language: "PYTHON",
      routine_definition: "return 1.0",
      parameter_style: "S",
      is_deterministic: true,
      sql_data_access: "NO_SQL",
      is_null_call: false,
      security_type: "DEFINER",
      specific_name: name,
    },
  };
}

/** An object that nests more types than a column of the catalogue has characters for. */
function wideObject(fields: number): JsonObject {
  const names = Array.from({ length: fields }, (_, i) => `part_${i}`);
  return {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
  };
}
