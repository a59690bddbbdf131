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

export interface Asked {
  readonly who: string;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Body;
}

export interface UnityState {
  readonly principalOf: (authorization: string | undefined) => string;
  readonly addUser: (body: Body) => Body;
  readonly act: (asked: Asked) => Promise<Body>;
  readonly tamper: (fullName: string, definition: string) => void;
}

/** Less than the credit decision has functions, so that lists have pages. As in 0.6, of two functions of one name a page's end hides one. */
const PAGE = 20;
const COLUMN_CHARS_MAX = 255;
const METASTORE = "metastore/metastore";

export function unityState(dialect: UnityDialect): UnityState {
  const isDatabricks = dialect === "databricks";
  const users = new Set(["admin"]);
  /** Catalogs, schemas, functions and tables, by `function/main.lending.credit_score`. */
  const objects = new Map<string, Body>();
  /** Privileges by securable and principal, spelled with spaces. */
  const granted = new Map<string, Map<string, Set<string>>>();

  const ownerOf = (securable: string) =>
    securable === METASTORE ? "admin" : String(objects.get(securable)?.["owner"]);
  const parents = (securable: string): readonly string[] => {
    const [type = "", name = ""] = securable.split("/");
    const [catalog, schema] = name.split(".");
    if (securable === METASTORE) return [];
    if (type === "catalog") return [METASTORE];
    if (type === "schema") return [`catalog/${catalog}`, METASTORE];
    return [`schema/${catalog}.${schema}`, `catalog/${catalog}`, METASTORE];
  };
  const holds = (who: string, privilege: string, securable: string) =>
    [securable, ...parents(securable)].some(
      (each) => granted.get(each)?.get(who)?.has(privilege) === true,
    );
  const ownsOneOf = (who: string, securable: string) =>
    [securable, ...parents(securable)].some((each) => ownerOf(each) === who);

  /** The rule of the open-source server for GET /functions/{name}. */
  const maySee = (who: string, securable: string): boolean => {
    const [schema = "", catalog = ""] = parents(securable);
    if ([METASTORE, catalog].some((each) => ownerOf(each) === who)) return true;
    if (!holds(who, "USE CATALOG", catalog)) return false;
    if (ownerOf(schema) === who) return true;
    const isUsed = holds(who, "USE SCHEMA", schema);
    return isUsed && (ownerOf(securable) === who || holds(who, "EXECUTE", securable));
  };

  const found = (type: string, name: string, code: string): Body => {
    const object = objects.get(`${type}/${name}`);
    if (object !== undefined) return object;
    const schema = name.split(".").slice(0, 2).join(".");
    if (type !== "catalog" && !objects.has(`schema/${schema}`))
      throw new Refusal(404, "SCHEMA_NOT_FOUND", `Schema not found: ${schema}`);
    throw new Refusal(404, code, `${type} not found: ${name}`);
  };

  const created = (type: string, who: string, body: Body, fields: Body = {}): Body => {
    const levels = [body["catalog_name"], body["schema_name"], body["name"]];
    const name = levels.filter((each) => each !== undefined).join(".");
    if (!/^[a-zA-Z0-9_@-]{1,255}$/.test(String(body["name"])))
      throw new Refusal(400, "INVALID_ARGUMENT", "Name cannot contain a period, space, ...");
    const [schema = ""] = parents(`${type}/${name}`);
    if (schema.startsWith("schema/") && !objects.has(schema))
      throw new Refusal(404, "SCHEMA_NOT_FOUND", `Schema not found: ${schema}`);
    if (objects.has(`${type}/${name}`)) throw exists(type, name);
    const object = { ...body, ...fields, full_name: name, owner: who };
    objects.set(`${type}/${name}`, object);
    return object;
  };

  const exists = (type: string, name: string): Refusal => {
    // Seen with 0.6: a second table in the same place is refused before its name is looked at.
    if (type === "table" && !isDatabricks)
      return new Refusal(403, "PERMISSION_DENIED", "Access denied.");
    const code = isDatabricks ? "ROUTINE_ALREADY_EXISTS" : "RESOURCE_ALREADY_EXISTS";
    return new Refusal(400, code, `${type} already exists: ${name}`);
  };

  async function createFunction(who: string, body: Body): Promise<Body> {
    const info = body["function_info"] as Body;
    const { parameters = [] } = info["input_params"] as { parameters?: readonly Body[] };
    const columns = [
      info["full_data_type"],
      ...parameters.flatMap((each) => Object.values(each)),
    ].filter((each) => typeof each === "string");
    if (columns.some((each) => each.length > COLUMN_CHARS_MAX))
      throw new Refusal(500, "INTERNAL", "Value too long for column CHARACTER VARYING(255)");
    // Their properties are echoed, and not kept.
    const make = () => created("function", who, info, { properties: undefined });
    if (isDatabricks) return make();
    // Seen with 0.6: it looks, and then it creates. Of two at once it keeps both, and shows one.
    const levels = [info["catalog_name"], info["schema_name"], info["name"]];
    const key = `function/${levels.join(".")}`;
    const isThere = objects.has(key);
    await new Promise((resolve) => setImmediate(resolve));
    const other = objects.get(key);
    if (isThere || other === undefined) return make();
    objects.delete(key);
    objects.set(`${key} (${objects.size})`, other);
    return make();
  }

  function listed(type: string, field: string, query: URLSearchParams): Body {
    const schema = `${query.get("catalog_name")}.${query.get("schema_name")}`;
    found("schema", schema, "SCHEMA_NOT_FOUND");
    const all = [...objects]
      .filter(([securable]) => securable.startsWith(`${type}/${schema}.`))
      .map(([, object]) => object)
      .sort((a, b) => (String(a["name"]) < String(b["name"]) ? -1 : 1))
      .filter(({ name }) => String(name) > (query.get("page_token") ?? ""));
    const page = all.slice(0, PAGE);
    const next = all.length > PAGE ? page.at(-1)?.["name"] : null;
    return { [field]: page, next_page_token: next };
  }

  const spell = (privilege: string) => (isDatabricks ? privilege.replaceAll(" ", "_") : privilege);

  function permissions(who: string, securable: string): Body {
    const all = [...(granted.get(securable) ?? [])];
    const seen = ownsOneOf(who, securable) ? all : all.filter(([principal]) => principal === who);
    return {
      privilege_assignments: seen.map(([principal, privileges]) => ({
        principal,
        privileges: [...privileges].map(spell),
      })),
    };
  }

  /** Of Databricks: with what is inherited, each with where it is from. */
  function effective(securable: string, principal: string | null): Body {
    const privileges = [securable, ...parents(securable)].flatMap((each) =>
      [...(granted.get(each)?.get(principal ?? "") ?? [])].map((privilege) => ({
        privilege: spell(privilege),
        ...(each === securable ? {} : { inherited_from_name: each.split("/")[1] }),
      })),
    );
    return { privilege_assignments: privileges.length === 0 ? [] : [{ principal, privileges }] };
  }

  function changed(who: string, securable: string, body: Body): Body {
    if (!ownsOneOf(who, securable)) throw new Refusal(403, "PERMISSION_DENIED", "Access denied.");
    for (const { principal, add, remove } of body["changes"] as readonly {
      readonly principal: string;
      readonly add: readonly string[];
      readonly remove: readonly string[];
    }[]) {
      if (!users.has(principal))
        throw new Refusal(404, "NOT_FOUND", `User not found: ${principal}`);
      const of = granted.get(securable) ?? new Map<string, Set<string>>();
      granted.set(securable, of);
      const privileges = of.get(principal) ?? new Set();
      of.set(principal, privileges);
      for (const each of add) privileges.add(each.replaceAll("_", " "));
      for (const each of remove) privileges.delete(each.replaceAll("_", " "));
      if (privileges.size === 0) of.delete(principal);
    }
    return permissions(who, securable);
  }

  async function act({ who, method, path, query, body }: Asked): Promise<Body> {
    const [collection = "", first = "", second = ""] = path
      .slice(1)
      .split("/")
      .map((part) => decodeURIComponent(part));
    const securable = first === "metastore" ? METASTORE : `${first}/${second}`;
    switch (`${method} ${collection}`) {
      case "POST catalogs":
        return created("catalog", who, body);
      case "POST schemas":
        return created("schema", who, body);
      case "POST tables":
        return created("table", who, body);
      case "POST functions":
        return await createFunction(who, body);
      case "GET catalogs":
        return found("catalog", first, "CATALOG_NOT_FOUND");
      case "GET schemas":
        return found("schema", first, "SCHEMA_NOT_FOUND");
      case "GET tables":
        if (first === "") return listed("table", "tables", query);
        return found("table", first, "TABLE_NOT_FOUND");
      case "GET functions": {
        if (first === "") return listed("function", "functions", query);
        const object = found("function", first, "NOT_FOUND");
        if (maySee(who, `function/${first}`)) return object;
        throw new Refusal(403, "PERMISSION_DENIED", "Access denied.");
      }
      case "PATCH functions": {
        if (!isDatabricks) break;
        const object = { ...found("function", first, "NOT_FOUND"), owner: body["owner"] };
        objects.set(`function/${first}`, object);
        return object;
      }
      case "GET permissions":
        if (securable !== METASTORE) found(first, second, "NOT_FOUND");
        return permissions(who, securable);
      case "PATCH permissions":
        if (securable !== METASTORE) found(first, second, "NOT_FOUND");
        return changed(who, securable, body);
      case "GET effective-permissions":
        if (!isDatabricks) break;
        found(first, second, "NOT_FOUND");
        return effective(securable, query.get("principal"));
    }
    // What the open-source server says of a path that it does not have.
    throw new Refusal(500, "INTERNAL", "Couldn't unwrap service.");
  }

  return {
    principalOf: (authorization) => {
      const who = /^Bearer token-of-(.+)$/.exec(authorization ?? "")?.[1];
      if (who !== undefined && users.has(who)) return who;
      throw new Refusal(401, "UNAUTHENTICATED", "Invalid access token.");
    },
    addUser: (body) => {
      const [email] = body["emails"] as readonly { readonly value: string }[];
      users.add(email?.value ?? "");
      return body;
    },
    act,
    tamper: (fullName, routine_definition) => {
      const object = objects.get(`function/${fullName}`);
      objects.set(`function/${fullName}`, { ...object, routine_definition });
    },
  };
}
