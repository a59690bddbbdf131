/** The whole of it: applications are decided, a grant is revoked, and everybody is asked what happened. */
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { embeddedRegistry } from "baton";
import { publishTables, unityCatalog, type UnityCatalogOptions } from "baton/unity-catalog";
import type { ApplicationValue } from "./applications.ts";
import {
  bureauAgrees,
  type Check,
  journalHolds,
  mlflowAgrees,
  tablesAgree,
  tally,
} from "./checks.ts";
import { type Conclusion, concluded } from "./conclusion.ts";
import { decideAll } from "./decide-all.ts";
import { registryAgrees, revokedGrantStops } from "./grants.ts";
import type { Servers } from "./servers/servers.ts";
import { openStack, type StackOptions } from "./stack.ts";

export type StoryOptions = Omit<StackOptions, "registry"> & Servers;

interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export async function tellStory(
  options: StoryOptions,
  applications: readonly ApplicationValue[],
  output: Output,
): Promise<Conclusion> {
  const { catalog, mlflow, neighbours, folder } = options;
  const registry = catalog === undefined ? embeddedRegistry() : unityCatalog(catalog);
  const stack = await openStack({ ...options, registry });
  const checks: Check[] = [];
  try {
    const done = await decideAll(stack, applications, progressOn(output, applications.length));
    const [first] = done.filter(({ outcome }) => outcome.kind === "completed");
    const again = applications.find(({ id }) => id === first?.id);
    if (again !== undefined) checks.push(await revokedGrantStops(stack, again, options));
    const counted = await tally(stack.baton);
    checks.push(await journalHolds(stack), await tablesAgree(stack, counted));
    checks.push(await bureauAgrees(neighbours.inquiries, counted), await registryAgrees(stack));
    if (catalog !== undefined) checks.push(await tablesListed(catalog, join(folder, "lake")));
    if (mlflow !== undefined) {
      await stack.flush();
      checks.push(await mlflowAgrees(mlflow, counted));
    }
    return concluded(done, counted, checks);
  } finally {
    await stack.close();
  }
}

async function tablesListed(catalog: UnityCatalogOptions, lake: string): Promise<Check> {
  const tables = await publishTables(catalog, { location: pathToFileURL(lake).href });
  return {
    what: "tables in the catalog",
    ok: tables.every(({ became }) => became !== "differs"),
    found: tables.map(({ fullName }) => fullName).join(", "),
  };
}

/** On a terminal, and nowhere else. */
function progressOn(output: Output, of: number): (done: number) => void {
  if (output.isTTY !== true) return () => undefined;
  return (done) => void output.write(`\r${done}/${of} applications${done === of ? "\n" : ""}`);
}
