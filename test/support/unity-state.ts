/** What a Unity Catalog holds, and who may do what with it. */
import type { UnityDialect } from "baton/unity-catalog";

export type Body = Readonly<Record<string, unknown>>;

/** An answer that is no success. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Securables are written `function/main.lending.credit_score`. */
export interface UnityState {
  readonly dialect: UnityDialect;
  readonly users: Set<string>;
  /** Catalogs, schemas, functions and tables, by securable. */
  readonly objects: Map<string, Body>;
  /** Privileges by securable and principal, spelled with spaces. */
  readonly granted: Map<string, Map<string, Set<string>>>;
}

export const METASTORE = "metastore/metastore";
/** Less than the credit decision has functions, so that lists have pages. As in 0.6, of two functions of one name a page's end hides one. */
const PAGE = 20;
const COLUMN_CHARS_MAX = 255;

export function unityState(dialect: UnityDialect): UnityState {
  return { dialect, users: new Set(["admin"]), objects: new Map(), granted: new Map() };
}

/** From the nearest to the metastore. */
function parents(securable: string): readonly string[] {
  const [type = "", name = ""] = securable.split("/");
  const [catalog = "", schema = ""] = name.split(".");
  if (securable === METASTORE) return [];
  if (type === "catalog") return [METASTORE];
  if (type === "schema") return [`catalog/${catalog}`, METASTORE];
  return [`schema/${catalog}.${schema}`, `catalog/${catalog}`, METASTORE];
}

function ownerOf({ objects }: UnityState, securable: string): string {
  return securable === METASTORE ? "admin" : String(objects.get(securable)?.["owner"]);
}

function holds({ granted }: UnityState, who: string, privilege: string, securable: string) {
  return [securable, ...parents(securable)].some(
    (each) => granted.get(each)?.get(who)?.has(privilege) === true,
  );
}

function ownsOneOf(state: UnityState, who: string, securable: string): boolean {
  return [securable, ...parents(securable)].some((each) => ownerOf(state, each) === who);
}

/** The rule of the open-source server for GET /functions/{name}. */
export function maySee(state: UnityState, who: string, securable: string): boolean {
  const [schema = "", catalog = ""] = parents(securable);
  if ([METASTORE, catalog].some((each) => ownerOf(state, each) === who)) return true;
  if (!holds(state, who, "USE CATALOG", catalog)) return false;
  if (ownerOf(state, schema) === who) return true;
  const isOpen = ownerOf(state, securable) === who || holds(state, who, "EXECUTE", securable);
  return isOpen && holds(state, who, "USE SCHEMA", schema);
}

export function found({ objects }: UnityState, type: string, name: string, code: string): Body {
  const object = objects.get(`${type}/${name}`);
  if (object !== undefined) return object;
  const schema = name.split(".").slice(0, 2).join(".");
  if (type !== "catalog" && !objects.has(`schema/${schema}`))
    throw new Refusal(404, "SCHEMA_NOT_FOUND", `Schema not found: ${schema}`);
  throw new Refusal(404, code, `${type} not found: ${name}`);
}

export function created(state: UnityState, type: string, who: string, body: Body): Body {
  const { objects } = state;
  const name = levelsOf(body).join(".");
  if (!/^[a-zA-Z0-9_@-]{1,255}$/.test(levelsOf(body).at(-1) ?? ""))
    throw new Refusal(400, "INVALID_ARGUMENT", "Name cannot contain a period, space, ...");
  const [schema = ""] = parents(`${type}/${name}`);
  if (schema.startsWith("schema/") && !objects.has(schema))
    throw new Refusal(404, "SCHEMA_NOT_FOUND", `Schema not found: ${schema}`);
  if (objects.has(`${type}/${name}`)) throw exists(state, type, name);
  const object = { ...body, full_name: name, owner: who };
  objects.set(`${type}/${name}`, object);
  return object;
}

function levelsOf(body: Body): readonly string[] {
  return ["catalog_name", "schema_name", "name"].flatMap((level) => {
    const name = body[level];
    return typeof name === "string" ? [name] : [];
  });
}

function exists({ dialect }: UnityState, type: string, name: string): Refusal {
  // Seen with 0.6: a second table in the same place is refused before its name is looked at.
  if (type === "table" && dialect === "open-source")
    return new Refusal(403, "PERMISSION_DENIED", "Access denied.");
  const code = dialect === "databricks" ? "ROUTINE_ALREADY_EXISTS" : "RESOURCE_ALREADY_EXISTS";
  return new Refusal(400, code, `${type} already exists: ${name}`);
}

export async function createdFunction(state: UnityState, who: string, body: Body): Promise<Body> {
  const { objects, dialect } = state;
  // As the API takes a function; its properties are echoed, and not kept.
  const info = { ...(body["function_info"] as Body), properties: undefined } as Body;
  const { parameters = [] } = info["input_params"] as { parameters?: readonly Body[] };
  const columns = [info["full_data_type"], ...parameters.flatMap((each) => Object.values(each))];
  if (columns.some((each) => typeof each === "string" && each.length > COLUMN_CHARS_MAX))
    throw new Refusal(500, "INTERNAL", "Value too long for column CHARACTER VARYING(255)");
  if (dialect === "databricks") return created(state, "function", who, info);
  // Seen with 0.6: it looks, and then it creates. Of two at once it keeps both, and shows one.
  const key = `function/${levelsOf(info).join(".")}`;
  const isThere = objects.has(key);
  await new Promise((resolve) => setImmediate(resolve));
  const other = objects.get(key);
  if (!isThere && other !== undefined) {
    objects.delete(key);
    objects.set(`${key} (${objects.size})`, other);
  }
  return created(state, "function", who, info);
}

export function listed(
  state: UnityState,
  type: string,
  field: string,
  query: URLSearchParams,
): Body {
  const schema = `${query.get("catalog_name")}.${query.get("schema_name")}`;
  found(state, "schema", schema, "SCHEMA_NOT_FOUND");
  const all = [...state.objects]
    .filter(([securable]) => securable.startsWith(`${type}/${schema}.`))
    .map(([, object]) => object)
    .sort((a, b) => (String(a["name"]) < String(b["name"]) ? -1 : 1))
    .filter(({ name }) => String(name) > (query.get("page_token") ?? ""));
  const page = all.slice(0, PAGE);
  const next = all.length > PAGE ? page.at(-1)?.["name"] : null;
  return { [field]: page, next_page_token: next };
}

function spell({ dialect }: UnityState, privilege: string): string {
  return dialect === "databricks" ? privilege.replaceAll(" ", "_") : privilege;
}

export function permissions(state: UnityState, who: string, securable: string): Body {
  const all = [...(state.granted.get(securable) ?? [])];
  const isOwner = ownsOneOf(state, who, securable);
  const seen = isOwner ? all : all.filter(([principal]) => principal === who);
  return {
    privilege_assignments: seen.map(([principal, privileges]) => ({
      principal,
      privileges: [...privileges].map((each) => spell(state, each)),
    })),
  };
}

/** Of Databricks: with what is inherited, each with where it is from. */
export function effective(state: UnityState, securable: string, principal: string | null): Body {
  const privileges = [securable, ...parents(securable)].flatMap((each) =>
    [...(state.granted.get(each)?.get(principal ?? "") ?? [])].map((privilege) => ({
      privilege: spell(state, privilege),
      ...(each === securable ? {} : { inherited_from_name: each.split("/")[1] }),
    })),
  );
  return { privilege_assignments: privileges.length === 0 ? [] : [{ principal, privileges }] };
}

interface PermissionsChange {
  readonly principal: string;
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

export function changed(state: UnityState, who: string, securable: string, body: Body): Body {
  const { granted, users } = state;
  if (!ownsOneOf(state, who, securable))
    throw new Refusal(403, "PERMISSION_DENIED", "Access denied.");
  // As the API takes them.
  for (const { principal, add, remove } of body["changes"] as readonly PermissionsChange[]) {
    if (!users.has(principal)) throw new Refusal(404, "NOT_FOUND", `User not found: ${principal}`);
    const of = granted.get(securable) ?? new Map<string, Set<string>>();
    const privileges = of.get(principal) ?? new Set();
    granted.set(securable, of.set(principal, privileges));
    for (const each of add) privileges.add(each.replaceAll("_", " "));
    for (const each of remove) privileges.delete(each.replaceAll("_", " "));
    if (privileges.size === 0) of.delete(principal);
  }
  return permissions(state, who, securable);
}
