/** `baton registry` on a project, with a registry in its store that is asked, and on one whose registry is elsewhere. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { open } from "baton";
import { sqlite } from "baton/sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
let folder = "";

/** The workflow, its agent with so many attempts; `more` goes into the config. */
function config(attempts: number, more = ""): string {
  return `
import { agent, contract, defineConfig, embeddedRegistry, workflow } from "baton";
import { z } from "zod";

const Name = contract("name", "1.0.0", z.object({ name: z.string() }));
const greeter = agent({
  name: "greeter", version: "1.0.0", description: "Says hello.", input: Name, output: Name,
  timeout: "1s", retry: { attempts: ${attempts} },
  execute: ({ name }) => ({ name: "Dear " + name }),
});
const greet = workflow("greet", "1.0.0", { input: Name })
  .step("greet", greeter, { input: ({ input }) => input })
  .output(({ greet }) => greet);

const elsewhere = () => {
  globalThis.closedRegistries ??= [];
  return {
    kind: "outside",
    open: async () => ({
      place: "main.default elsewhere",
      fullName: (name) => "main.default." + name,
      find: async () => undefined,
      list: async function* () {},
      publish: async (items) => items.map(({ kind, name, version }) =>
        ({ key: { kind, name, version }, fullName: "main.default." + name, became: "registered" })),
      alias: async () => undefined,
      setAlias: async () => {},
      grants: async () => [],
      grant: async () => {},
      revoke: async () => {},
      mayExecute: async () => false,
      close: async () => { globalThis.closedRegistries.push("closed"); },
    }),
  };
};
export default defineConfig({ workflows: [greet], ${more} });
`;
}

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder, columns: 120 });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

function configure(attempts: number, more = "", file = "baton.config.ts"): void {
  writeFileSync(join(folder, file), config(attempts, more));
}

beforeEach(() => {
  // Inside the repository, so that the project finds zod.
  folder = mkdtempSync(join(ROOT, "node_modules", ".baton-cli-test-"));
  configure(1);
});

afterEach(() => rmSync(folder, { recursive: true }));

test("publishing registers what the config names; again, it is as it was", async () => {
  const first = await baton("registry", "publish");
  expect(first).toMatchObject({ code: 0, err: "" });
  expect(first.out.split("\n")).toEqual([
    "registered: contract main.default.name@1.0.0",
    "registered: agent main.default.greeter@1.0.0",
    "registered: workflow main.default.greet@1.0.0",
    "3 registered, 0 as they were",
    "",
  ]);
  const again = await baton("registry", "publish", "--json");
  const told = JSON.parse(again.out) as { readonly became: string }[];
  expect(told.map(({ became }) => became)).toEqual(["same", "same", "same"]);
});

test("the list has names, versions, aliases and owners; show has who may, and what is used", async () => {
  await baton("registry", "publish", "--by", "bob");
  await baton("registry", "alias", "agent", "greeter@1.0.0", "champion");
  await baton("registry", "grant", "agent", "greeter", "grace");
  const { code, out } = await baton("registry", "list", "agent");
  expect(code).toBe(0);
  expect(out).toMatch(/agent +main\.default\.greeter +1\.0\.0 +champion +bob +[0-9a-f]{12}/);
  const shown = await baton("registry", "show", "agent", "greeter@champion");
  expect(shown.out).toContain("Says hello.");
  expect(shown.out).toContain("may execute: bob, grace");
  expect(shown.out).toContain("1.0.0 uses: contract name@1.0.0");
  const asData = await baton("registry", "show", "agent", "greeter", "--json");
  expect(JSON.parse(asData.out)).toMatchObject({
    fullName: "main.default.greeter",
    owner: "bob",
    definition: { attempts: 1, timeoutMs: 1000 },
    grants: [{ principal: "grace", privilege: "EXECUTE" }],
  });
});

test("what is granted is revoked again, and a name gets another owner", async () => {
  await baton("registry", "publish");
  const granted = await baton("registry", "grant", "agent", "greeter", "grace");
  expect(granted.out).toBe("EXECUTE on agent greeter granted to grace\n");
  const revoked = await baton("registry", "revoke", "agent", "greeter", "grace", "--json");
  expect(JSON.parse(revoked.out)).toEqual({ kind: "agent", name: "greeter", grants: [] });
  const owned = await baton("registry", "owner", "agent", "greeter", "team");
  expect(owned.out).toBe("agent greeter is owned by team\n");
});

test("drift ends with 1 and names each place; without any with 0", async () => {
  await baton("registry", "publish");
  const none = await baton("registry", "drift");
  expect(none).toMatchObject({ code: 0 });
  expect(none.out).toContain(
    "ok  the code says what is registered: 3 definitions, main.default in",
  );
  // Another file: one that was loaded stays what it was.
  configure(3, "", "changed.config.ts");
  const changed = ["--config", "changed.config.ts"];
  const some = await baton("registry", "drift", ...changed);
  expect(some.code).toBe(1);
  expect(some.out).toBe(
    "agent greeter@1.0.0 is registered as something else\n  /attempts is registered as 1, and is 3 in the code\n",
  );
  const asData = await baton("registry", "drift", "--json", ...changed);
  expect(JSON.parse(asData.out)).toMatchObject([
    { kind: "differs", differences: [{ path: "/attempts", before: 1, after: 3 }] },
  ]);
  const refused = await baton("registry", "publish", ...changed);
  expect(refused.code).toBe(4);
  expect(refused.err).toContain("agent greeter@1.0.0 is registered as something else");
});

test("lineage goes both ways", async () => {
  await baton("registry", "publish");
  const { out } = await baton("registry", "lineage", "agent", "greeter");
  expect(out).toBe(
    "agent greeter@1.0.0\n  uses\n    contract name@1.0.0\n  is used by\n    workflow greet@1.0.0\n",
  );
  const { out: json } = await baton("registry", "lineage", "contract", "name", "--json");
  const { usedBy } = JSON.parse(json) as {
    readonly usedBy: readonly { readonly key: { readonly kind: string } }[];
  };
  expect(usedBy.map(({ key }) => key.kind)).toEqual(["agent", "workflow"]);
});

test("a name stands for the one of the registry's own catalog and schema, whatever others the store has", async () => {
  const own = ["--config", "lending.config.ts"];
  const place = "embeddedRegistry({ catalog: 'bank', schema: 'lending' })";
  configure(1, `registry: ${place}, admission: false`, "lending.config.ts");
  await baton("registry", "publish", "--by", "ada");
  await baton("registry", "publish", "--by", "bob", ...own);
  await baton("registry", "grant", "agent", "greeter", "grace", ...own);
  const shown = await baton("registry", "show", "agent", "greeter", ...own);
  expect(shown.out).toMatch(/bank\.lending\.greeter .* bob /);
  expect(shown.out).not.toContain("main.default");
  expect(shown.out).toContain("may execute: bob, grace\n");
  const other = await baton("registry", "show", "agent", "main.default.greeter", ...own);
  expect(other.out).toMatch(/main\.default\.greeter .* ada /);
  expect(other.out).toContain("may execute: ada\n");
  await baton("registry", "alias", "agent", "main.default.greeter", "champion", ...own);
  const aliases = await baton("registry", "list", "agent", ...own);
  expect(aliases.out).toMatch(/main\.default\.greeter +1\.0\.0 +champion +ada/);
  expect(aliases.out).toMatch(/bank\.lending\.greeter +1\.0\.0 +bob/);
  const used = await baton("registry", "lineage", "contract", "main.default.name", ...own);
  expect(used.out.split("\n")).toEqual([
    "contract main.default.name@1.0.0",
    "  is used by",
    "    agent main.default.greeter@1.0.0",
    "      workflow main.default.greet@1.0.0",
    "    workflow main.default.greet@1.0.0",
    "",
  ]);
  expect((await baton("registry", "drift", ...own)).code).toBe(0);
});

test("a run is refused until it is registered and granted, and what the command changes counts for the next", async () => {
  configure(1, "registry: embeddedRegistry(), principal: 'nobody'");
  const run = (id: string, by: string) =>
    baton("run", "greet", "--id", id, "--input", '{"name":"you"}', "--by", by);
  const unknown = await run("r1", "ada");
  expect(unknown.code).toBe(3);
  expect(unknown.err).toContain("workflow greet@1.0.0 is not registered");
  await baton("registry", "publish");
  expect(await run("r2", "ada")).toMatchObject({ code: 0 });
  const refused = await run("r3", "grace");
  expect(refused.code).toBe(1);
  expect(refused.err).toContain("grace has no EXECUTE on workflow main.default.greet");
  expect(refused.err).toContain("baton registry grant workflow greet grace");
  for (const [kind, name] of [
    ["workflow", "greet"],
    ["agent", "greeter"],
  ] as const)
    await baton("registry", "grant", kind, name, "grace");
  expect(await run("r4", "grace")).toMatchObject({ code: 0 });
  await baton("registry", "revoke", "agent", "greeter", "grace");
  const stopped = await run("r5", "grace");
  expect(stopped.code).toBe(1);
  expect(stopped.out + stopped.err).toContain("grace has no EXECUTE on agent main.default.greeter");
});

test("what was changed is told, though Baton could not be opened to the end", async () => {
  await baton("registry", "publish", "--by", "bob");
  await baton("registry", "grant", "agent", "greeter", "grace");
  const bus = `{ from: "beginning", inFlightMax: 1, open: async () => { throw new Error("There is no bus."); } }`;
  configure(1, `group: "tests", bus: ${bus}`, "away.config.ts");
  const away = ["--config", "away.config.ts"];
  const revoked = await baton("registry", "revoke", "agent", "greeter", "grace", ...away);
  expect(revoked.code).toBe(1);
  expect(revoked.err).toContain("There is no bus.");
  expect(revoked.out).toBe("EXECUTE on agent greeter revoked from grace\n");
  const shown = await baton("registry", "show", "agent", "greeter");
  expect(shown.out).toContain("may execute: bob\n");
  // Nothing was changed, and nothing is told but why it was not opened.
  const nobody = await baton("registry", "revoke", "agent", "nobody", "grace", "--json", ...away);
  expect([nobody.code, nobody.out]).toEqual([1, ""]);
});

test("a registry outside of the store is changed without it, and closed", async () => {
  configure(1, "registry: elsewhere()");
  const published = await baton("registry", "publish", "--json");
  expect(published.code).toBe(0);
  expect(JSON.parse(published.out)).toHaveLength(3);
  const owner = await baton("registry", "owner", "agent", "greeter", "ada");
  expect(owner.code).toBe(2);
  expect(owner.err).toContain("main.default elsewhere has no way to change an owner");
  const missing = await baton("registry", "drift");
  expect(missing.code).toBe(1);
  expect(missing.out).toContain("workflow greet@1.0.0 is in the code, and not registered");
  expect(globalThis).toHaveProperty("closedRegistries", ["closed", "closed", "closed"]);
  // No store was made for it.
  expect((await baton("runs")).code).toBe(3);
});

test("while another process has the store, nothing is changed; it can be asked", async () => {
  await baton("registry", "publish");
  const other = await open({ store: sqlite(join(folder, ".baton/baton.db")), workflows: [] });
  const refused = await baton("registry", "grant", "agent", "greeter", "grace", "--json");
  expect(refused.code).toBe(4);
  expect(JSON.parse(refused.err)).toMatchObject({ error: { code: "STORE_IN_USE" } });
  expect((await baton("registry", "show", "agent", "greeter")).out).toContain("may execute: ada\n");
  await other.close();
});

test("a store is listed without any code", async () => {
  await baton("registry", "publish");
  rmSync(join(folder, "baton.config.ts"));
  const { code, out } = await baton("registry", "list", "--store", ".baton/baton.db");
  expect(code).toBe(0);
  expect(out).toContain("main.default.greeter");
  const drift = await baton("registry", "drift", "--store", ".baton/baton.db");
  expect(drift.code).toBe(2);
});

test("what can't be is refused with what to type instead", async () => {
  await baton("registry", "publish");
  const cases = [
    [["grant", "agent", "nobody", "ada"], 3, "NOT_REGISTERED"],
    [["show", "agent", "greeter@9.0.0"], 3, "NOT_REGISTERED"],
    [["show", "tool", "greeter"], 2, "ARGUMENT_INVALID"],
    [["grant", "agent", "greeter@1.0.0", "ada"], 2, "ARGUMENT_INVALID"],
    [["grant", "agent", "greeter"], 2, "ARGUMENT_INVALID"],
    [["alias", "agent", "greeter", "1.0.0"], 2, "ARGUMENT_INVALID"],
    [["publish", "agent"], 2, "ARGUMENT_INVALID"],
  ] as const;
  for (const [argv, code, expected] of cases) {
    const refused = await baton("registry", ...argv, "--json");
    expect([refused.code, JSON.parse(refused.err)], argv.join(" ")).toMatchObject([
      code,
      { error: { code: expected } },
    ]);
  }
});
