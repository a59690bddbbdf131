/** The tables of `baton/delta` as external tables of the catalogue: it says where they are and what their columns mean. */
import { BatonError } from "../../model/errors.ts";
import { fieldOf, type Column, type ColumnType } from "../delta/columns.ts";
import { type JournalTable, type TableName, TABLES } from "../delta/tables.ts";
import { unavailable, type UnityClient, unityClient } from "./client.ts";
import { isObject, objectsOf, textOf, type UnityObject } from "./fields.ts";
import { type UnityCatalogOptions, unityConnection } from "./options.ts";

export interface PublishTablesOptions {
  /** The folder of the tables, as an address: `file:///data/lake`, `s3://bucket/lake`. */
  readonly location: string;
  /** What their names in the catalogue begin with; `baton_` if left out. */
  readonly prefix?: string;
  /** All of them if left out. */
  readonly tables?: readonly TableName[];
}

export interface PublishedTable {
  readonly table: TableName;
  /** `catalog.schema.name` */
  readonly fullName: string;
  /** `differs`: it is there, and is something else. It was left as it is. */
  readonly became: "registered" | "same" | "differs";
  /** In what it differs, as sentences without a full stop. */
  readonly differences: readonly string[];
}

/** A table that was published from here. */
export interface CatalogTable {
  readonly table: TableName;
  readonly fullName: string;
  readonly location: string;
  readonly owner?: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

const DEFAULT_PREFIX = "baton_";
/** By it a table is known to be one of ours, whatever its name. */
const TABLE_PROPERTY = "baton.table";

interface ColumnKind {
  readonly name: string;
  readonly text: string;
}

const KINDS: Readonly<Record<ColumnType, ColumnKind>> = {
  string: { name: "STRING", text: "string" },
  long: { name: "LONG", text: "bigint" },
  boolean: { name: "BOOLEAN", text: "boolean" },
  timestamp: { name: "TIMESTAMP", text: "timestamp" },
  date: { name: "DATE", text: "date" },
  "decimal(38,18)": { name: "DECIMAL", text: "decimal(38,18)" },
};

/**
 * Registers the tables where the catalogue has none of the name. One that is there is compared: another place, a column that is
 * missing, not ours, or of another type is named, and nothing is changed.
 *
 * @throws BatonError ARGUMENT_INVALID, REGISTRY_UNAVAILABLE
 * @example await publishTables({ url, schema: "lending", token }, { location: pathToFileURL("lake").href })
 */
export async function publishTables(
  catalogue: UnityCatalogOptions,
  options: PublishTablesOptions,
): Promise<readonly PublishedTable[]> {
  const client = unityClient(unityConnection(catalogue));
  const { prefix = DEFAULT_PREFIX, tables: names } = options;
  const location = checkedLocation(options.location);
  if (!/^[a-z][a-z0-9_]*$/.test(prefix))
    throw new BatonError("ARGUMENT_INVALID", "The names of tables can't begin with that.", {
      hint: "Use lower-case letters, digits and underscores, the first a letter: baton_.",
      details: { prefix },
    });
  const published: PublishedTable[] = [];
  for (const table of TABLES) {
    if (names !== undefined && !names.includes(table.name)) continue;
    const wanted = { table, name: `${prefix}${table.name}`, location: `${location}/${table.name}` };
    published.push(await publishTable(client, wanted));
  }
  return published;
}

/** The tables that were published into this schema. @throws BatonError REGISTRY_UNAVAILABLE */
export async function listTables(catalogue: UnityCatalogOptions): Promise<readonly CatalogTable[]> {
  const client = unityClient(unityConnection(catalogue));
  const { catalog, schema } = client.connection.place;
  const found: CatalogTable[] = [];
  const query = { catalog_name: catalog, schema_name: schema };
  for await (const each of client.pages("/tables", query, "tables")) {
    const properties = each["properties"];
    const ours = isObject(properties) ? textOf(properties, TABLE_PROPERTY) : undefined;
    const table = TABLES.find(({ name }) => name === ours);
    if (table === undefined) continue;
    const owner = textOf(each, "owner");
    found.push({
      table: table.name,
      fullName: `${catalog}.${schema}.${textOf(each, "name") ?? ""}`,
      location: textOf(each, "storage_location") ?? "",
      ...(owner === undefined ? {} : { owner }),
      columns: columnsOf(each),
    });
  }
  return found;
}

interface Wanted {
  readonly table: JournalTable;
  readonly name: string;
  readonly location: string;
}

async function publishTable(client: UnityClient, wanted: Wanted): Promise<PublishedTable> {
  const { catalog, schema } = client.connection.place;
  const { table, name, location } = wanted;
  const fullName = `${catalog}.${schema}.${name}`;
  const path = `/tables/${encodeURIComponent(fullName)}`;
  const compared = (found: UnityObject): PublishedTable => {
    const differences = differencesOf(found, wanted);
    const became = differences.length === 0 ? "same" : "differs";
    return { table: table.name, fullName, became, differences };
  };
  // Looked for first: the open-source server refuses a second one as overlapping the first, with 403.
  const there = await client.get(path);
  if (there.kind === "done") return compared(there.body);
  const made = await client.send("POST", "/tables", {
    name,
    catalog_name: catalog,
    schema_name: schema,
    table_type: "EXTERNAL",
    data_source_format: "DELTA",
    storage_location: location,
    comment: table.description,
    properties: { [TABLE_PROPERTY]: table.name },
    columns: table.columns.map(columnInfo),
  });
  if (made.kind === "missing")
    throw unavailable(client.connection, `can't create ${fullName}: ${made.message}`, {
      status: 404,
      code: made.code,
    });
  if (made.kind === "done")
    return { table: table.name, fullName, became: "registered", differences: [] };
  // Somebody else was faster.
  const again = await client.get(path);
  return compared(again.kind === "done" ? again.body : {});
}

function columnInfo(column: Column, position: number): UnityObject {
  const { name, text } = KINDS[column.type];
  const [, precision, scale] = /\((\d+),(\d+)\)/.exec(text) ?? [];
  return {
    name: column.name,
    type_name: name,
    type_text: text,
    // Delta and the catalogue write a field down in the same way.
    type_json: JSON.stringify({ ...fieldOf(column), metadata: {} }),
    ...(precision === undefined
      ? {}
      : { type_precision: Number(precision), type_scale: Number(scale) }),
    position,
    nullable: column.required !== true,
    comment: column.comment,
  };
}

function differencesOf(found: UnityObject, { table, location }: Wanted): readonly string[] {
  const differences: string[] = [];
  const differs = (what: string, known: unknown, ours: string) => {
    if (known !== ours) differences.push(`${what} is ${String(known)}, and is to be ${ours}`);
  };
  differs("the kind of table", textOf(found, "table_type"), "EXTERNAL");
  differs("the format", textOf(found, "data_source_format"), "DELTA");
  differs("the place", plainLocation(textOf(found, "storage_location") ?? ""), location);
  const known = new Map(columnsOf(found).map(({ name, type }) => [name, type]));
  for (const { name, type } of table.columns) {
    const there = known.get(name);
    if (there === undefined) differences.push(`the column ${name} is missing`);
    else differs(`the type of the column ${name}`, there, KINDS[type].text);
    known.delete(name);
  }
  for (const name of known.keys()) differences.push(`the column ${name} is not one of Baton's`);
  return differences;
}

function columnsOf(table: UnityObject): CatalogTable["columns"] {
  return objectsOf(table, "columns").map((each) => ({
    name: textOf(each, "name") ?? "",
    type: textOf(each, "type_text") ?? "",
  }));
}

function checkedLocation(location: string): string {
  const scheme = /^([a-z][a-z0-9]*):\/\/.+/.exec(location)?.[1];
  if (scheme !== undefined && !location.includes("?") && !location.includes("#"))
    return plainLocation(location);
  throw new BatonError("ARGUMENT_INVALID", `"${location}" is not the address of a folder.`, {
    hint: "Use an address such as file:///data/lake (pathToFileURL makes one of a path), or s3://bucket/lake.",
  });
}

/** Without slashes at its end, which name no other folder. */
function plainLocation(location: string): string {
  return location.replace(/\/+$/, "");
}
