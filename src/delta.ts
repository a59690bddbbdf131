/** `baton/delta`: the journal as Delta Lake tables, and reading them back. */
export type { DeltaStorage } from "./bridges/delta/storage.ts";
export { deltaFolder } from "./bridges/delta/local-storage.ts";
export {
  type DeltaFollowOptions,
  type DeltaProgress,
  type DeltaSink,
  deltaSink,
  type DeltaSinkOptions,
} from "./bridges/delta/sink.ts";
export type { BatchLimits } from "./bridges/delta/batch.ts";
export type { TableName } from "./bridges/delta/tables.ts";
export {
  type DeltaCell,
  type DeltaReadOptions,
  type DeltaRow,
  deltaRows,
  deltaVersion,
} from "./bridges/delta/reading.ts";
export { deltaBucket, type DeltaBucketOptions } from "./bridges/delta/s3-storage.ts";
export { deltaPlace } from "./bridges/delta/place.ts";
export {
  type DeltaVerifyOptions,
  type DeltaVerifyReport,
  verifyDelta,
} from "./bridges/delta/verifying.ts";
