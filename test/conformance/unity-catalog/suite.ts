/** All that a Unity Catalog has to do, be it real or not. */
import { openUnity, unityPlace, type UnityServer } from "../../support/unity-places.ts";
import { registryConformance } from "../registry.ts";
import { unityDefinitions } from "./definitions.ts";
import { unityPrivileges } from "./privileges.ts";
import { unityRuns } from "./runs.ts";
import { unityTables } from "./tables.ts";

const PEOPLE = ["grace", "alan", "bob", ...Array.from({ length: 10 }, (_, i) => `person-${i}`)];

export function unitySuite(server: () => UnityServer): void {
  registryConformance("Unity Catalog", async () => {
    const options = await unityPlace(server(), "ada", PEOPLE);
    return { open: () => openUnity(options), dispose: () => Promise.resolve() };
  });
  unityDefinitions(server);
  unityPrivileges(server);
  unityRuns(server);
  unityTables(server);
}
