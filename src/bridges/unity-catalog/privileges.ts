/**
 * Who may do what: grants on the function of a name, and whether somebody may have it executed.
 *
 * The catalogue's own rule decides, as its server has it when somebody asks for a function: EXECUTE on it, and USE on the schema
 * and the catalog above it. A privilege that was granted on the schema, the catalog or the metastore holds for what is in it.
 */
import type { UnityClient } from "./client.ts";
import { isObject, objectsOf, textOf, textsOf, type UnityObject } from "./fields.ts";
import { fullName, type FunctionName } from "./function-names.ts";
import { functionPath } from "./functions.ts";

type Securable = readonly ["function" | "schema" | "catalog" | "metastore", string];

/** Privileges by principal, spelled with spaces: `USE CATALOG`. */
type Assignments = ReadonlyMap<string, ReadonlySet<string>>;

/** Databricks has one that stands for all others. */
const ALL = "ALL PRIVILEGES";

/** Who was granted EXECUTE on a function itself, in order. */
export async function executeGrants(
  client: UnityClient,
  of: FunctionName,
): Promise<readonly string[]> {
  const assigned = await assignments(client, ["function", fullName(of)], "permissions");
  return [...assigned]
    .filter(([, privileges]) => privileges.has("EXECUTE"))
    .map(([principal]) => principal)
    .sort();
}

/** @returns `unknown` where the catalogue knows no such principal */
export async function changeExecute(
  client: UnityClient,
  of: FunctionName,
  { principal, change }: { readonly principal: string; readonly change: "add" | "remove" },
): Promise<"done" | "unknown"> {
  // The open-source server wants both lists.
  const changes = [{ principal, add: [], remove: [], [change]: ["EXECUTE"] }];
  const path = `/permissions/function/${encodeURIComponent(fullName(of))}`;
  const answer = await client.send("PATCH", path, { changes });
  return answer.kind === "missing" ? "unknown" : "done";
}

export async function mayExecuteFunction(
  client: UnityClient,
  of: FunctionName,
  principal: string,
): Promise<boolean> {
  const { catalog, schema } = of;
  const { dialect } = client.connection;
  const granted = async (securable: Securable) => {
    const endpoint = dialect === "databricks" ? "effective-permissions" : "permissions";
    return (await assignments(client, securable, endpoint, principal)).get(principal) ?? new Set();
  };
  const [onFunction, onSchema, onCatalog] = await Promise.all([
    granted(["function", fullName(of)]),
    granted(["schema", `${catalog}.${schema}`]),
    granted(["catalog", catalog]),
  ]);
  const byGrants = rightsOf([onFunction, onSchema, onCatalog]);
  if (byGrants.execute && byGrants.useSchema && byGrants.useCatalog) return true;

  // Few get here who may: owners, and those whose grant is on the metastore.
  const [owners, onMetastore] = await Promise.all([
    ownersOf(client, of),
    dialect === "databricks" ? new Set<string>() : metastorePrivileges(client, principal),
  ]);
  const inherited = [onFunction, onSchema, onCatalog].map(
    (each) => new Set([...each, ...onMetastore]),
  );
  const rights = rightsOf(inherited);
  const owns = (securable: keyof typeof owners) => owners[securable] === principal;
  if (dialect === "databricks")
    return (
      (rights.execute || owns("function")) &&
      (rights.useSchema || owns("schema")) &&
      (rights.useCatalog || owns("catalog"))
    );
  return (
    owns("catalog") ||
    (owns("schema") && rights.useCatalog) ||
    (rights.useCatalog && rights.useSchema && (rights.execute || owns("function")))
  );
}

/** @param granted on the function, the schema and the catalog */
function rightsOf([onFunction, onSchema, onCatalog]: readonly ReadonlySet<string>[]) {
  const has = (privilege: string, ...sets: readonly (ReadonlySet<string> | undefined)[]) =>
    sets.some((each) => each?.has(privilege) === true || each?.has(ALL) === true);
  return {
    execute: has("EXECUTE", onFunction, onSchema, onCatalog),
    useSchema: has("USE SCHEMA", onSchema, onCatalog),
    useCatalog: has("USE CATALOG", onCatalog),
  };
}

async function metastorePrivileges(
  client: UnityClient,
  principal: string,
): Promise<ReadonlySet<string>> {
  // There is one metastore, and the open-source server takes any name for it.
  const assigned = await assignments(client, ["metastore", "metastore"], "permissions", principal);
  return assigned.get(principal) ?? new Set();
}

async function ownersOf(client: UnityClient, of: FunctionName) {
  const ownerAt = async (path: string) => {
    const answer = await client.get(path);
    return answer.kind === "done" ? textOf(answer.body, "owner") : undefined;
  };
  const { catalog, schema } = of;
  const [ofFunction, ofSchema, ofCatalog] = await Promise.all([
    ownerAt(functionPath(of)),
    ownerAt(`/schemas/${encodeURIComponent(`${catalog}.${schema}`)}`),
    ownerAt(`/catalogs/${encodeURIComponent(catalog)}`),
  ]);
  return { function: ofFunction, schema: ofSchema, catalog: ofCatalog };
}

async function assignments(
  client: UnityClient,
  [type, name]: Securable,
  endpoint: "permissions" | "effective-permissions",
  principal?: string,
): Promise<Assignments> {
  const found = new Map<string, ReadonlySet<string>>();
  const path = `/${endpoint}/${type}/${encodeURIComponent(name)}`;
  const query = principal === undefined ? {} : { principal };
  for await (const each of client.pages(path, query, "privilege_assignments")) {
    const who = textOf(each, "principal") ?? "";
    found.set(who, new Set([...(found.get(who) ?? []), ...privilegesOf(each)]));
  }
  return found;
}

/** Words in one place, and objects that also say from where each is inherited in the other; with spaces, or underscores. */
function privilegesOf(assignment: UnityObject): readonly string[] {
  const named = objectsOf(assignment, "privileges")
    .filter(isObject)
    .flatMap((each) => textOf(each, "privilege") ?? []);
  return [...textsOf(assignment, "privileges"), ...named].map((each) => each.replaceAll("_", " "));
}
