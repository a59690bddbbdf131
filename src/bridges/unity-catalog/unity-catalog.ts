/** Unity Catalog as the registry of `open()`. */
import type { RegistryFactory } from "../../ports/registry.ts";
import { unityClient } from "./client.ts";
import { type UnityCatalogOptions, unityConnection } from "./options.ts";
import { openUnityRegistry } from "./registry.ts";

/**
 * A registry that is kept in Unity Catalog: the open-source server, or Databricks. Its catalog and schema have to be there.
 *
 * The token is of whoever publishes and asks. To see what others were granted, the open-source server wants the owner of the
 * catalog or the metastore; with another token nobody else may execute anything.
 *
 * @throws BatonError ARGUMENT_INVALID for options that can't be used; nothing is asked of the server yet
 * @example const baton = await open({ store, workflows, registry: unityCatalog({ url, catalog: "main", schema: "lending", token }) });
 */
export function unityCatalog(options: UnityCatalogOptions): RegistryFactory {
  const connection = unityConnection(options);
  return { kind: "outside", open: async () => openUnityRegistry(unityClient(connection)) };
}
