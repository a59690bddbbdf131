/** Real servers on this machine: those that are wanted and can be had. What is left out is told, by name. */
import type { UnityCatalogOptions } from "baton/unity-catalog";
import { lendingPlace } from "./lending-place.ts";
import { installMlflow, startMlflow } from "./mlflow.ts";
import { installUnityCatalog, startUnityCatalog } from "./unity-catalog.ts";

export const SYSTEMS = ["mlflow", "unity-catalog"] as const;
export type System = (typeof SYSTEMS)[number];

/** What is to be ended, the newest first. */
export type Ends = (() => Promise<void> | void)[];

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
  if (missing !== undefined) {
    tell(`  LEFT OUT: MLflow: ${missing}`);
    return undefined;
  }
  const { url, stop } = await startMlflow();
  ends.push(stop);
  tell(`  MLflow         ${url}`);
  return url;
}

async function catalogOf(options: ServersOptions): Promise<UnityCatalogOptions | undefined> {
  const { tell, ends, owner, principal } = options;
  const missing = installUnityCatalog();
  if (missing !== undefined) {
    tell(`  LEFT OUT: Unity Catalog, so the registry is in the store: ${missing}`);
    return undefined;
  }
  const server = await startUnityCatalog();
  ends.push(server.stop);
  tell(`  Unity Catalog  ${server.url}`);
  return await lendingPlace(server, owner, [principal]);
}
