/** What entries of the streams of a registry say. */
import type { RegistryKey } from "./registered-name.ts";

export interface RegistryPayloads {
  /**
   * In the stream `registry/<kind>/<catalog>.<schema>.<name>`, as the four below: a version, which is never changed from here on.
   * Who published the first of a name owns it. Value: the definition.
   */
  readonly "registry.published": {
    /** As the code says it. */
    readonly name: string;
    readonly version: string;
    readonly fingerprint: string;
    readonly description?: string;
    readonly uses: readonly RegistryKey[];
  };
  readonly "registry.aliased": { readonly alias: string; readonly version: string };
  readonly "registry.granted": { readonly principal: string; readonly privilege: "EXECUTE" };
  readonly "registry.revoked": { readonly principal: string; readonly privilege: "EXECUTE" };
  readonly "registry.owned": { readonly owner: string };
}
