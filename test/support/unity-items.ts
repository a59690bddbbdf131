/** Items to register, made up. */
import type { JsonObject, RegistryItem } from "baton";
import { canonicalJson } from "../../src/journal/canonical.ts";
import { sha256Hex } from "../../src/journal/hash.ts";

export function itemOf(
  kind: RegistryItem["kind"],
  name: string,
  definition: JsonObject = {},
): RegistryItem {
  const fingerprint = sha256Hex(canonicalJson(definition));
  return { kind, name, version: "1.0.0", definition, fingerprint, uses: [] };
}
