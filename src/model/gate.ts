/** Gates: what a call passes before it begins. */

/** What every call passes, by kind and name: `breaker/bureau`, `budget/model`, `rate/bureau`. */
export type Gate = `${GateKind}/${string}`;
export type GateKind = "breaker" | "budget" | "rate";

export function gateKind(gate: Gate): GateKind {
  // A gate begins with its kind, by its type.
  return gate.slice(0, gate.indexOf("/")) as GateKind;
}
