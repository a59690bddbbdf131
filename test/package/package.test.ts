import { readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { documentedImports, OF_PEERS, type Packed, pack, ROOT, runNode } from "./packed.ts";
import { publicNames } from "./public-names.ts";

let packed: Packed;

beforeAll(() => {
  packed = pack();
});

afterAll(() => {
  packed.remove();
});

test("it holds what is documented, and no tests", () => {
  expect(packed.files).toEqual(
    expect.arrayContaining(["LICENSE", "README.md", "CHANGELOG.md", "dist/index.js"]),
  );
  expect(
    packed.files.filter((path) => /\.test(-d)?\.|^src\/|\.ts$(?<!\.d\.ts)/.test(path)),
  ).toEqual([]);
});

test("publint has nothing to say", async () => {
  const file = readFileSync(packed.tarball);
  const tarball = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
});

test("its types resolve for every compiler that can use ESM", () => {
  const attw = join(ROOT, "node_modules", "@arethetypeswrong", "cli", "dist", "index.js");
  const options = ["--profile", "esm-only", "--no-definitely-typed", "--no-color", "--no-emoji"];
  const { status, output } = runNode(ROOT, attw, packed.tarball, ...options);
  expect(status, output).toBe(0);
});

describe.each(documentedImports())("$name", ({ name, types }) => {
  test("is imported in an empty folder", () => {
    const program = `await import(${JSON.stringify(name)})`;
    const { status, output } = runNode(packed.folder, "--input-type=module", "-e", program);
    expect(status, output).toBe(0);
  });

  // After a change that is meant: npm run test:package -- -u, and a line in the changelog.
  test("exports the names that are written down", async () => {
    const declarations = readFileSync(join(packed.folder, "node_modules", "baton", types), "utf8");
    const file = `public-names/${name.replace("/", "-")}.txt`;
    await expect(`${publicNames(declarations).join("\n")}\n`).toMatchFileSnapshot(file);
  });
});

test("a user's strict compiler accepts its declarations", () => {
  const names = documentedImports().map(({ name }) => name);
  assertCompiles(
    names.filter((name) => !Object.hasOwn(OF_PEERS, name)),
    false,
  );
});

test.each(Object.entries(OF_PEERS))(
  "and those of %s beside what it is a bridge to",
  (name, scope) => {
    // As if it were installed. What others declare is not ours to check.
    const place = join(packed.folder, "node_modules", scope);
    symlinkSync(join(ROOT, "node_modules", scope), place);
    assertCompiles([name], true);
    rmSync(place);
  },
);

function assertCompiles(names: readonly string[], skipLibCheck: boolean): void {
  const imports = names.map((name, at) => `export * as x${at} from "${name}";`);
  writeFileSync(join(packed.folder, "user.ts"), imports.join("\n"));
  const options = { strict: true, noEmit: true, module: "nodenext", target: "es2022", types: [] };
  const libraries = { lib: ["es2023", "dom"], skipLibCheck };
  const config = { compilerOptions: { ...options, ...libraries }, files: ["user.ts"] };
  writeFileSync(join(packed.folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const { status, output } = runNode(packed.folder, tsc, "-p", ".");
  expect(status, output).toBe(0);
}

test("the command runs and explains itself", () => {
  const command = join("node_modules", "baton", "dist", "cli", "main.js");
  const { status, output } = runNode(packed.folder, command, "--help");
  expect(status, output).toBe(0);
  expect(output).toContain("Usage: baton");
});

/** Tracing of a user's own, which prints; and one run with it. */
const PRINTING = `
import { isMainThread } from "node:worker_threads";
export const inThread = () => ({
  name: "printing",
  content: true,
  open: async () => ({
    send: async ({ spans }) => {
      for (const { kind, subject, input } of spans) console.log(isMainThread, kind, subject, JSON.stringify(input));
    },
    close: async () => {},
  }),
});
`;
const TRACED = `
import { agent, contract, open, workflow } from "baton";
import { sqlite } from "baton/sqlite";
import { inThread } from "./printing.mjs";
const Any = contract("any", "1.0.0", { "~standard": { version: 1, vendor: "own", validate: (value) => ({ value }) } });
const echo = agent({ name: "echo", version: "1.0.0", input: Any, output: Any, execute: (value) => value });
const flow = workflow("flow", "1.0.0", { input: Any }).step("a", echo, { input: ({ input }) => input }).output(({ a }) => a);
const module = new URL("printing.mjs", import.meta.url).href;
const baton = await open({
  store: sqlite("traced.db"),
  workflows: [flow],
  tracing: { ...inThread(), inThread: { module, options: {} } },
  log: ({ message }) => console.log(message),
});
await (await baton.start(flow, "hello")).result();
await baton.close();
`;

test("traces are made in a thread of their own, and the process ends by itself", () => {
  writeFileSync(join(packed.folder, "printing.mjs"), PRINTING);
  writeFileSync(join(packed.folder, "traced.mjs"), TRACED);
  const { status, output } = runNode(packed.folder, "traced.mjs");
  expect(status, output).toBe(0);
  expect(output.trim().split("\n")).toEqual([
    'false attempt echo "hello"',
    "false step a undefined",
    'false run flow "hello"',
  ]);
});
