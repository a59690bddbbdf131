/** Where a Delta log keeps what: PROTOCOL.md, "File Types". */
export const LOG_FOLDER = "_delta_log";
export const LAST_CHECKPOINT = `${LOG_FOLDER}/_last_checkpoint`;

/** The path of a commit: its version, in 20 digits. */
export function commitPath(version: number): string {
  return `${LOG_FOLDER}/${digits(version)}.json`;
}

export function checkpointPath(version: number): string {
  return `${LOG_FOLDER}/${digits(version)}.checkpoint.parquet`;
}

/** What the names of a version's files begin with. */
export function digits(version: number): string {
  return String(version).padStart(20, "0");
}
