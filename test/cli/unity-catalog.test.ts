/** `baton registry` and `baton run` of a project whose registry is kept in Unity Catalog. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";
import { unityPlace } from "../support/unity-places.ts";
import { type FakeUnityServer, fakeUnityServer } from "../support/unity-server.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
let server: FakeUnityServer;
let folder: string;

beforeAll(async () => {
  server = await fakeUnityServer("open-source");
  // Inside the repository, so that the project finds zod.
  folder = mkdtempSync(join(ROOT, "node_modules", ".baton-unity-test-"));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server.stop();
});

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder, columns: 120 });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

test("publishes, grants, lists, runs and finds drift; a revoked grant stops the next run", async () => {
  const { url, catalog, schema } = await unityPlace(server, "ada", ["grace"]);
  const configure = (attempts: number, file = "baton.config.ts") =>
    writeFileSync(
      join(folder, file),
      `
import { agent, contract, defineConfig, workflow } from "baton";
import { unityCatalog } from "baton/unity-catalog";
import { z } from "zod";

const Name = contract("name", "1.0.0", z.object({ name: z.string() }));
const greeter = agent({
  name: "greeter", version: "1.0.0", input: Name, output: Name, retry: { attempts: ${attempts} },
  execute: ({ name }) => ({ name: "Dear " + name }),
});
const greet = workflow("greet", "1.0.0", { input: Name })
  .step("greet", greeter, { input: ({ input }) => input })
  .output(({ greet }) => greet);
export default defineConfig({
  workflows: [greet],
  registry: unityCatalog({ url: "${url}", catalog: "${catalog}", schema: "${schema}", token: "token-of-ada" }),
});
`,
    );
  configure(1);
  const greet = () => baton("run", "greet", "--input", '{"name":"Ada"}', "--by", "grace");
  const grants = (change: "grant" | "revoke", kind: string, name: string) =>
    baton("registry", change, kind, name, "grace", "--by", "ada");

  expect((await baton("registry", "publish", "--by", "ada")).out.split("\n")).toEqual([
    `registered: contract ${catalog}.lending.name@1.0.0`,
    `registered: agent ${catalog}.lending.greeter@1.0.0`,
    `registered: workflow ${catalog}.lending.greet@1.0.0`,
    "3 registered, 0 as they were",
    "",
  ]);
  expect((await greet()).err).toContain("grace has no EXECUTE on workflow");
  await grants("grant", "workflow", "greet");
  await grants("grant", "agent", "greeter");
  expect(await greet()).toMatchObject({ code: 0, out: expect.stringContaining("Dear Ada") });
  expect((await baton("registry", "list")).out).toContain(`${catalog}.lending.greeter`);
  await grants("revoke", "agent", "greeter");
  expect((await greet()).out).toContain(
    `grace has no EXECUTE on agent ${catalog}.lending.greeter, by ${catalog}.lending at ${url}`,
  );
  configure(5, "changed.config.ts");
  expect(await baton("registry", "drift", "--config", "changed.config.ts")).toMatchObject({
    code: 1,
    out: expect.stringContaining("/attempts is registered as 1, and is 5 in the code"),
  });
});
