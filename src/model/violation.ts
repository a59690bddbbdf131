import type { Json } from "./json.ts";

/** One way in which a value breaks a contract or a handoff's requirement. */
export interface Violation {
  /** `name@version` of the contract; `requires` for a requirement of the step itself; `mapping` where an input mapping threw. */
  readonly contract: string;
  /** JSON pointer of the offending value. */
  readonly path: string;
  /** The rule's name, or the schema's keyword. */
  readonly rule: string;
  readonly message: string;
  /** The offending value, cut to a bounded size; `"[sensitive]"` where the field is marked so. */
  readonly value?: Json;
}
