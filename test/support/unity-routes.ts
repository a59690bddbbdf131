/** Which request does what. */
import {
  type Body,
  changed,
  created,
  createdFunction,
  effective,
  found,
  listed,
  maySee,
  METASTORE,
  permissions,
  Refusal,
  type UnityState,
} from "./unity-state.ts";

interface Asked {
  readonly who: string;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Body;
}

/** A request, with the two parts of its path after the collection. */
interface Routed extends Asked {
  readonly first: string;
  readonly second: string;
}

type Route = (state: UnityState, asked: Routed) => Body | Promise<Body>;

function securableOf({ first, second }: Routed): string {
  return first === "metastore" ? METASTORE : `${first}/${second}`;
}

/** @returns the securable that the path names, which is there */
function foundSecurable(state: UnityState, asked: Routed): string {
  const securable = securableOf(asked);
  if (securable !== METASTORE) found(state, asked.first, asked.second, "NOT_FOUND");
  return securable;
}

const ROUTES: Readonly<Record<string, Route>> = {
  "POST catalogs": (state, { who, body }) => created(state, "catalog", who, body),
  "POST schemas": (state, { who, body }) => created(state, "schema", who, body),
  "POST tables": (state, { who, body }) => created(state, "table", who, body),
  "POST functions": (state, { who, body }) => createdFunction(state, who, body),
  "GET catalogs": (state, { first }) => found(state, "catalog", first, "CATALOG_NOT_FOUND"),
  "GET schemas": (state, { first }) => found(state, "schema", first, "SCHEMA_NOT_FOUND"),
  "GET tables": (state, { first, query }) =>
    first === ""
      ? listed(state, "table", "tables", query)
      : found(state, "table", first, "TABLE_NOT_FOUND"),
  "GET functions": (state, { first, who, query }) => {
    if (first === "") return listed(state, "function", "functions", query);
    const object = found(state, "function", first, "NOT_FOUND");
    if (maySee(state, who, `function/${first}`)) return object;
    throw new Refusal(403, "PERMISSION_DENIED", "Access denied.");
  },
  "GET permissions": (state, asked) => permissions(state, asked.who, foundSecurable(state, asked)),
  "PATCH permissions": (state, asked) =>
    changed(state, asked.who, foundSecurable(state, asked), asked.body),
};

const OF_DATABRICKS: Readonly<Record<string, Route>> = {
  "PATCH functions": (state, { first, body }) => {
    const { owner } = body;
    const object = { ...found(state, "function", first, "NOT_FOUND"), owner };
    if (!state.users.has(String(owner)))
      throw new Refusal(404, "PRINCIPAL_DOES_NOT_EXIST", `Could not find principal: ${owner}`);
    state.objects.set(`function/${first}`, object);
    return object;
  },
  "GET effective-permissions": (state, asked) =>
    effective(state, foundSecurable(state, asked), asked.query.get("principal")),
};

export async function routed(state: UnityState, asked: Asked): Promise<Body> {
  const [collection = "", first = "", second = ""] = asked.path
    .slice(1)
    .split("/")
    .map((part) => decodeURIComponent(part));
  const name = `${asked.method} ${collection}`;
  const route = ROUTES[name] ?? (state.dialect === "databricks" ? OF_DATABRICKS[name] : undefined);
  // What the open-source server says of a path that it does not have.
  if (route === undefined) throw new Refusal(500, "INTERNAL", "Couldn't unwrap service.");
  return await route(state, { ...asked, first, second });
}
