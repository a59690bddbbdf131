/** Who begins the runs of requests. */
import type { Author } from "../../model/entry.ts";

/** The agent itself, whoever asked. */
export function programAuthor(name: string): (request: Request) => Author {
  const author: Author = { kind: "program", id: name };
  return () => author;
}

/** In a Databricks App: the agent on behalf of the user whom the platform's proxy names. It overwrites what a caller has written. */
export function appAuthor(name: string): (request: Request) => Author {
  return ({ headers }) => {
    const user = headers.get("x-forwarded-email") ?? headers.get("x-forwarded-user") ?? "";
    return { kind: "program", id: name, ...(user === "" ? {} : { onBehalfOf: user }) };
  };
}

export function sameAuthor(one: Author, other: Author): boolean {
  return one.kind === other.kind && one.id === other.id && one.onBehalfOf === other.onBehalfOf;
}
