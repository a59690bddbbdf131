/** Who starts a run, or publishes an event, if the caller doesn't say. */
import type { Author } from "../model/entry.ts";

export const CALLER: Author = { kind: "program", id: "caller" };

/** For whom an author acts, as a registry knows them: the one on whose behalf it is, else a person or a program that gave its name. */
export function namedBy({ kind, id, onBehalfOf }: Author): string | undefined {
  if (onBehalfOf !== undefined) return onBehalfOf;
  const isNamed = kind === "person" || (kind === "program" && id !== CALLER.id);
  return isNamed ? id : undefined;
}
