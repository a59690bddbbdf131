/** A Unity Catalog, be it real or not, and schemas in it to work in. */
import type { Registry } from "baton";
import { unityCatalog, type UnityCatalogOptions, type UnityDialect } from "baton/unity-catalog";

export interface UnityServer {
  readonly url: string;
  readonly dialect: UnityDialect;
  /** `admin` owns the metastore. */
  readonly tokenOf: (principal: string) => string;
  readonly stop: () => Promise<void>;
}

export interface UnityAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Where a test works, and how it gets there. */
export type UnityPlace = UnityCatalogOptions & {
  readonly catalog: string;
  readonly schema: string;
};

export async function openUnity(options: UnityCatalogOptions): Promise<Registry> {
  const factory = unityCatalog(options);
  if (factory.kind !== "outside") throw new Error("it is kept in the catalogue");
  return await factory.open();
}

/** As anybody speaks to the API who has no Baton. */
export async function askUnity(
  server: UnityServer,
  who: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<UnityAnswer> {
  const base = path.startsWith("/api/") ? server.url : `${server.url}/api/2.1/unity-catalog`;
  const response = await fetch(`${base}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${server.tokenOf(who)}`,
      "content-type": "application/json",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  // Whatever is no JSON is said by a test that looks for a field.
  const parsed = text.startsWith("{") ? (JSON.parse(text) as UnityAnswer["body"]) : { text };
  return { status: response.status, body: parsed };
}

/** A privilege as the server spells it. */
export function spelled({ dialect }: UnityServer, privilege: string): string {
  return dialect === "databricks" ? privilege.replaceAll(" ", "_") : privilege;
}

/** Adds or removes privileges, as an administrator does. */
export async function changePrivileges(
  server: UnityServer,
  securable: string,
  principal: string,
  change: { readonly add?: readonly string[]; readonly remove?: readonly string[] },
): Promise<UnityAnswer> {
  const of = (privileges: readonly string[] = []) =>
    privileges.map((each) => spelled(server, each));
  return await done(server, "PATCH", `/permissions/${securable}`, {
    changes: [{ principal, add: of(change.add), remove: of(change.remove) }],
  });
}

async function done(
  server: UnityServer,
  method: string,
  path: string,
  body: unknown,
  who = "admin",
): Promise<UnityAnswer> {
  const answer = await askUnity(server, who, method, path, body);
  if (answer.status >= 300)
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer;
}

let places = 0;

/**
 * The schema `lending` of a new catalog, both owned by `owner`, whose token the options have; `users` are known to the server and
 * may use both.
 */
export async function unityPlace(
  server: UnityServer,
  owner: string,
  users: readonly string[],
): Promise<UnityPlace> {
  places += 1;
  const catalog = `catalog_${places}`;
  for (const user of [owner, ...users]) await addUser(server, user);
  await changePrivileges(server, "metastore/metastore", owner, { add: ["CREATE CATALOG"] });
  await done(server, "POST", "/catalogs", { name: catalog }, owner);
  const schema = { name: "lending", catalog_name: catalog };
  await done(server, "POST", "/schemas", schema, owner);
  for (const user of users) {
    await changePrivileges(server, `catalog/${catalog}`, user, { add: ["USE CATALOG"] });
    await changePrivileges(server, `schema/${catalog}.lending`, user, { add: ["USE SCHEMA"] });
  }
  return {
    url: server.url,
    catalog,
    schema: "lending",
    token: () => server.tokenOf(owner),
    dialect: server.dialect,
  };
}

/** One that is there already is refused, and stays. */
async function addUser(server: UnityServer, name: string): Promise<void> {
  const user = { displayName: name, emails: [{ value: name, primary: true }] };
  await askUnity(server, "admin", "POST", "/api/1.0/unity-control/scim2/Users", user);
}
