/** Columns: what a table's rows are made of, as Delta writes it down (PROTOCOL.md, "Schema Serialization Format"). */
import { BatonError } from "../../model/errors.ts";
import { corrupt, isObject } from "./actions.ts";

/** `timestamp` is UTC with microseconds; `decimal(38,18)` is for money. */
export type ColumnType = "string" | "long" | "boolean" | "timestamp" | "date" | "decimal(38,18)";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** Whether each row has a value. A column that is added later never is. */
  readonly required?: boolean;
  /** What it means, for whoever looks at the table elsewhere. */
  readonly comment: string;
}

/** A value of a cell: whole numbers as bigints, timestamps as milliseconds since 1970, decimals as text. */
export type Cell = string | bigint | boolean | number | null;
export type Row = Readonly<Record<string, Cell>>;

/** A field of a schema as it is found in a table. `type` is an object for structs, arrays and maps. */
export interface SchemaField {
  readonly name: string;
  readonly type: unknown;
  readonly nullable: boolean;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export function fieldOf({ name, type, required, comment }: Column): SchemaField {
  return { name, type, nullable: required !== true, metadata: { comment } };
}

export function schemaText(fields: readonly SchemaField[]): string {
  return JSON.stringify({ type: "struct", fields });
}

/** @throws BatonError `TABLE_CORRUPT` */
export function parseSchema(text: string, where: string): readonly SchemaField[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw corrupt(where, "has a schema that is no JSON", cause);
  }
  const fields: unknown = isObject(value) ? value["fields"] : undefined;
  if (!Array.isArray(fields)) throw corrupt(where, "has a schema without fields");
  return fields.map((field: unknown) => {
    if (!isObject(field) || typeof field["name"] !== "string")
      throw corrupt(where, "has a schema with a field that has no name");
    const { name, type, nullable, metadata } = field;
    return {
      name: String(name),
      type,
      nullable: nullable !== false,
      metadata: isObject(metadata) ? metadata : {},
    };
  });
}

/**
 * The table's schema with the columns that it lacks added at its end, as ones that may be null. Columns that are not ours stay.
 * @throws BatonError `TABLE_UNSUITABLE` where a column is of another type, or one that is not ours must have a value
 */
export function evolved(
  found: readonly SchemaField[],
  columns: readonly Column[],
  where: string,
): readonly SchemaField[] {
  // Delta compares names without regard to case.
  const byName = new Map(found.map((field) => [field.name.toLowerCase(), field]));
  const added: SchemaField[] = [];
  for (const column of columns) {
    const there = byName.get(column.name.toLowerCase());
    byName.delete(column.name.toLowerCase());
    if (there === undefined) added.push({ ...fieldOf(column), nullable: true });
    else if (there.type !== column.type || there.name !== column.name)
      throw new BatonError(
        "TABLE_UNSUITABLE",
        `${where} has a column ${there.name} of type ${JSON.stringify(there.type)}, where ${column.name} is to be ${column.type}.`,
        { details: { column: column.name } },
      );
  }
  for (const { name, nullable, metadata } of found) {
    const isOurs = !byName.has(name.toLowerCase());
    if ("delta.invariants" in metadata || (!isOurs && !nullable))
      throw new BatonError(
        "TABLE_UNSUITABLE",
        `${where} asks something of its column ${name} that Baton does not check, so it may not be written.`,
        { details: { column: name } },
      );
  }
  return [...found, ...added];
}
