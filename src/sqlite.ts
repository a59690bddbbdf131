/** `baton/sqlite`: the store that is used when nothing else is said. */
export type { SqliteOptions } from "./stores/sqlite/sqlite.ts";
export { sqlite } from "./stores/sqlite/sqlite.ts";
