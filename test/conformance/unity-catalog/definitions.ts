/** What stands in the catalogue, as whoever asks its API sees it, and what many at once make of it. */
import {
  agent,
  catalogueItems,
  drift,
  jsonSchemaContract,
  type JsonObject,
  type Registry,
  workflow,
} from "baton";
import { describe, expect, test } from "vitest";
import { creditDecision } from "../../../examples/credit-decision/workflow.ts";
import { loanItems } from "../../support/registered.ts";
import {
  askUnity,
  openUnity,
  type UnityPlace,
  unityPlace,
  type UnityServer,
} from "../../support/unity-places.ts";
import { itemOf } from "../../support/unity-items.ts";

const AGENT = { kind: "agent", name: "loan-scoring", version: "1.0.0" } as const;

export function unityDefinitions(server: () => UnityServer): void {
  const place = (...users: readonly string[]) => unityPlace(server(), "ada", users);
  const ask = (who: string, method: string, path: string, body?: unknown) =>
    askUnity(server(), who, method, path, body);
  const functions = async ({ catalog, schema }: UnityPlace, who = "ada") => {
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
      if (score === undefined) throw new Error("it is not there");
      // As the API's reference says.
      const { parameters } = score["input_params"] as {
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
      expect(JSON.parse(String(score["routine_definition"]))).toMatchObject({
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

    test("what claims to be another's name, version or aliases, under a name of its own, is not taken for it", async () => {
      const options = await place("bob");
      const registry = await openUnity(options);
      await registry.publish(loanItems(), "ada");
      await registry.setAlias(AGENT, "champion", "ada");
      const claim = async (name: string, is: object) => {
        const definition = JSON.stringify({ format: "baton/registry/v1", by: "ada", ...is });
        const { status } = await ask(
          "bob",
          "POST",
          "/functions",
          foreign(options, name, definition),
        );
        expect(status).toBe(200);
      };
      const named = { kind: "agent", name: "loan-scoring" };
      const later = { ...itemOf("agent", "loan-scoring"), version: "9.0.0" };
      await claim("zz_name", { is: "name", ...named });
      await claim("zz_version", { is: "version", item: later });
      await claim("zz_aliases", { is: "aliases", ...named, change: 7, set: {}, aliases: {} });
      expect(await registry.mayExecute("agent", "loan-scoring", "bob")).toBe(false);
      const agents = [];
      for await (const { version, owner, aliases } of registry.list("agent"))
        agents.push({ version, owner, aliases });
      expect(agents).toEqual([{ version: "1.0.0", owner: "ada", aliases: ["champion"] }]);
    });

    test("a function in the place of the next aliases is in the way of those alone", async () => {
      const options = await place();
      const registry = await openUnity(options);
      await registry.publish(loanItems(), "ada");
      await registry.setAlias(AGENT, "champion", "ada");
      await ask("ada", "POST", "/functions", foreign(options, "loan_scoring__aliases_2"));
      expect((await registry.find(AGENT))?.aliases).toEqual(["champion"]);
      await expect(registry.setAlias(AGENT, "pilot", "ada")).rejects.toMatchObject({
        code: "REGISTRY_CONFLICT",
      });
      expect(await registry.alias("agent", "loan-scoring", "champion")).toBe("1.0.0");
    });

    test("two names that meet in one function are told apart", async () => {
      const options = await place();
      const registry = await openUnity(options);
      const [first, second] = [itemOf("agent", "loan--v1-0-0"), itemOf("agent", "loan")];
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
      const elsewhere = itemOf("contract", "risk.exposure");
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
        aliases.map(async (alias, i) => registries[i % 3]?.setAlias(AGENT, alias, `person-${i}`)),
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
}

async function everything(registry: Registry): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { name } of registry.list()) found.push(name);
  return found;
}

/** A function such as somebody else has. */
function foreign({ catalog, schema }: UnityPlace, name: string, definition = "return 1.0") {
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
      routine_definition: definition,
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
