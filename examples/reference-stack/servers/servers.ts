/** Real servers on this machine: those that are wanted and can be had. What is left out is told, by name. */
import { setImmediate } from "node:timers/promises";
import type { UnityCatalogOptions } from "baton/unity-catalog";
import type { Ends } from "../ending.ts";
import { lendingPlace } from "./lending-place.ts";
import { installMlflow, startMlflow } from "./mlflow.ts";
import { installUnityCatalog, startUnityCatalog } from "./unity-catalog.ts";

export const SYSTEMS = ["mlflow", "unity-catalog"] as const;
export type System = (typeof SYSTEMS)[number];

export interface Servers {
  /** The address of an MLflow. */
  readonly mlflow?: string;
  /** A schema of a Unity Catalog. */
  readonly catalog?: UnityCatalogOptions;
}

export interface ServersOptions {
  readonly wanted: (system: System) => boolean;
  readonly tell: (line: string) => void;
  readonly ends: Ends;
  /** Who owns the schema, and who may use it. */
  readonly owner: string;
  readonly principal: string;
}

export async function startServers(options: ServersOptions): Promise<Servers> {
  const { wanted, tell } = options;
  if (SYSTEMS.some(wanted)) tell("Servers, installed once for a machine:");
  const mlflow = wanted("mlflow") ? await mlflowOf(options) : undefined;
  const catalog = wanted("unity-catalog") ? await catalogOf(options) : undefined;
  return {
    ...(mlflow === undefined ? {} : { mlflow }),
    ...(catalog === undefined ? {} : { catalog }),
  };
}

async function mlflowOf({ tell, ends }: ServersOptions): Promise<string | undefined> {
  const missing = installMlflow();
  await heard();
  if (missing !== undefined) {
    tell(`  LEFT OUT: MLflow: ${missing}`);
    return undefined;
  }
  const { url } = await startMlflow(ends);
  tell(`  MLflow         ${url}`);
  return url;
}

async function catalogOf(options: ServersOptions): Promise<UnityCatalogOptions | undefined> {
  const { tell, ends, owner, principal } = options;
  const missing = installUnityCatalog();
  await heard();
  if (missing !== undefined) {
    tell(`  LEFT OUT: Unity Catalog, so the registry is in the store: ${missing}`);
    return undefined;
  }
  const server = await startUnityCatalog(ends);
  tell(`  Unity Catalog  ${server.url}`);
  return await lendingPlace(server, owner, [principal]);
}

/** Installing holds the process up: a signal that came meanwhile is heard now, and not after the next server. */
async function heard(): Promise<void> {
  await setImmediate();
}
