/** `baton/unity-catalog`: the registry kept in Unity Catalog, and the tables of `baton/delta` in it. */
export { unityCatalog } from "./bridges/unity-catalog/unity-catalog.ts";
export type { UnityCatalogOptions, UnityDialect } from "./bridges/unity-catalog/options.ts";
export {
  type CatalogTable,
  listTables,
  type PublishedTable,
  publishTables,
  type PublishTablesOptions,
} from "./bridges/unity-catalog/tables.ts";
