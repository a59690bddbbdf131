/** Tests that any server has to pass, be it real or not. */
import { unityCatalog, type UnityCatalogOptions } from "baton/unity-catalog";
import type { Registry } from "../../src/ports/registry.ts";
import { registryConformance } from "../conformance/registry.ts";
import { unityPlace, type UnityServer } from "../support/unity-places.ts";

const PEOPLE = ["grace", "alan", "bob", ...Array.from({ length: 10 }, (_, i) => `person-${i}`)];

export async function openUnity(options: UnityCatalogOptions): Promise<Registry> {
  const factory = unityCatalog(options);
  if (factory.kind !== "outside") throw new Error("it is kept in the catalogue");
  return await factory.open();
}

export function unityConformance(server: () => UnityServer): void {
  registryConformance("Unity Catalog", async () => {
    const options = await unityPlace(server(), "ada", PEOPLE);
    return { open: () => openUnity(options), dispose: () => Promise.resolve() };
  });
}
