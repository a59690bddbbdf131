/** A schema in a Unity Catalog that has just been started: with an owner, and people who may use it, as an administrator sets it up. */
import type { UnityCatalogOptions } from "baton/unity-catalog";
import type { RealUnityCatalog } from "./unity-catalog.ts";

const CATALOG = "main";
const SCHEMA = "lending";
/** A server that has just been started takes its time over the first questions. */
const ANSWER_MS = 30_000;

export async function lendingPlace(
  server: RealUnityCatalog,
  owner: string,
  users: readonly string[],
): Promise<UnityCatalogOptions> {
  const ask = asking(server);
  const permit = (securable: string, principal: string, add: string) =>
    ask("admin", "PATCH", `/permissions/${securable}`, { changes: [{ principal, add: [add] }] });
  for (const name of [owner, ...users])
    await ask("admin", "POST", "/api/1.0/unity-control/scim2/Users", {
      displayName: name,
      emails: [{ value: name, primary: true }],
    });
  await permit("metastore/metastore", owner, "CREATE CATALOG");
  await ask(owner, "POST", "/catalogs", { name: CATALOG });
  await ask(owner, "POST", "/schemas", { name: SCHEMA, catalog_name: CATALOG });
  for (const user of users) {
    await permit(`catalog/${CATALOG}`, user, "USE CATALOG");
    await permit(`schema/${CATALOG}.${SCHEMA}`, user, "USE SCHEMA");
  }
  return { url: server.url, catalog: CATALOG, schema: SCHEMA, token: () => server.tokenOf(owner) };
}

function asking({ url, tokenOf }: RealUnityCatalog) {
  return async (who: string, method: string, path: string, body: unknown): Promise<void> => {
    const base = path.startsWith("/api/") ? url : `${url}/api/2.1/unity-catalog`;
    const response = await fetch(`${base}${path}`, {
      method,
      signal: AbortSignal.timeout(ANSWER_MS),
      headers: { authorization: `Bearer ${tokenOf(who)}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!response.ok)
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  };
}
