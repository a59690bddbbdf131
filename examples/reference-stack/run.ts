/**
 * `npm run example:stack`: loan applications through everything at once, and then the same question to everybody who was there: what
 * happened?
 *
 *   npm run example:stack                      MLflow and Unity Catalog are installed, once for a machine, and started
 *   npm run example:stack -- --without mlflow  without one of them; may be given twice
 *   npm run example:stack -- --count 200       so many applications; 24 if left out
 *   npm run example:stack -- --keep            lets the servers run until Ctrl-C, to look around
 *   npm run example:stack -- --json            one JSON document, for programs
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { firstApplications } from "./applications.ts";
import { conclusionText } from "./conclusion.ts";
import { type Ends, type Worked, workToTheEnd } from "./ending.ts";
import type { Addresses } from "./neighbours/neighbours.ts";
import { startServers, type System, SYSTEMS } from "./servers/servers.ts";
import { tellStory } from "./story.ts";

const OWNER = "lending-platform@example.com";
const PRINCIPAL = "loan-desk@example.com";

function asked() {
  const { values } = parseArgs({
    options: {
      without: { type: "string", multiple: true, default: [] },
      count: { type: "string", default: "24" },
      keep: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const unknown = values.without.filter((name) => !SYSTEMS.some((system) => system === name));
  if (unknown.length > 0)
    throw new Error(`Without ${unknown.join(", ")}? There are ${SYSTEMS.join(" and ")}.`);
  const count = Number(values.count);
  if (!Number.isSafeInteger(count) || count < 1 || count > 900)
    throw new Error(`--count ${values.count} is not a number of applications, 1 to 900.`);
  return { ...values, count, wanted: (system: System) => !values.without.includes(system) };
}

/** Their process. It ends when its input does, however this one ends. */
async function startNeighbours(ends: Ends): Promise<Addresses> {
  const jiti = dirname(createRequire(import.meta.url).resolve("jiti/package.json"));
  const program = fileURLToPath(new URL("./neighbours/process.ts", import.meta.url));
  const child = spawn(process.execPath, [join(jiti, "lib/jiti-cli.mjs"), program], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  ends.push(async () => {
    child.stdin.end();
    await exited;
  });
  for await (const line of createInterface({ input: child.stdout }))
    return JSON.parse(line) as Addresses;
  throw new Error("The neighbours ended before they said where they are.");
}

async function main(ends: Ends): Promise<Worked> {
  const { count, keep, json, wanted } = asked();
  const tell = json ? () => undefined : (line: string) => console.log(line);
  const folder = mkdtempSync(join(tmpdir(), "baton-reference-stack-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const people = { owner: OWNER, principal: PRINCIPAL };
  const servers = await startServers({ wanted, tell, ends, ...people });
  const neighbours = await startNeighbours(ends);
  tell(`  the neighbours ${new URL(neighbours.bureau).origin}\n`);
  const conclusion = await tellStory(
    { folder, neighbours, ...servers, ...people },
    firstApplications(count),
    process.stderr,
  );
  console.log(json ? JSON.stringify(conclusion) : conclusionText(conclusion));
  if (keep) tell(`\nThe store and the tables are in ${folder}. Ctrl-C ends it all.`);
  return { code: conclusion.checks.every(({ ok }) => ok) ? 0 : 1, keep };
}

await workToTheEnd(main);
