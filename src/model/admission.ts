/** Why a call was not allowed, by the registry. */
import type { Json } from "./json.ts";

/** One place where two definitions differ: `before` is what is registered, `after` what the code says. */
export interface DefinitionDifference {
  readonly kind: "added" | "removed" | "changed";
  /** JSON pointer. */
  readonly path: string;
  readonly before?: Json;
  readonly after?: Json;
}

/** Why an attempt was not made: in the run's entry of it, beside the error. */
export interface AdmissionMark {
  /** Where the registry is kept. */
  readonly registry: string;
  /** `catalog.schema.name@version` of the agent or contract that it is about; without catalog and schema where it is not registered. */
  readonly item: string;
  /** For whom it was to be called; absent where nobody is named. */
  readonly principal?: string;
  /** Fingerprint of the code, and the registered one, where they are not the same. */
  readonly fingerprint?: string;
  readonly registered?: string;
  /** In what they differ, the first ten. */
  readonly differences?: readonly DefinitionDifference[];
}
