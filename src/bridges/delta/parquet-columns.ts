/** Columns as Parquet keeps them: PROTOCOL.md, "Delta Data Type to Parquet Type Mappings". */
import type { SchemaElement } from "hyparquet";
import type { Column, ColumnType } from "./columns.ts";

const PARQUET: Readonly<Record<ColumnType, Partial<SchemaElement>>> = {
  string: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  long: { type: "INT64" },
  boolean: { type: "BOOLEAN" },
  timestamp: {
    type: "INT64",
    converted_type: "TIMESTAMP_MICROS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
  },
  date: { type: "INT32", converted_type: "DATE", logical_type: { type: "DATE" } },
  "decimal(38,18)": {
    type: "FIXED_LEN_BYTE_ARRAY",
    type_length: 16,
    converted_type: "DECIMAL",
    logical_type: { type: "DECIMAL", precision: 38, scale: 18 },
    precision: 38,
    scale: 18,
  },
};

/** A column as Parquet keeps it. */
export function parquetColumn({ name, type, required }: Column): SchemaElement {
  return { name, ...PARQUET[type], repetition_type: required === true ? "REQUIRED" : "OPTIONAL" };
}
