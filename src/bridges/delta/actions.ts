/**
 * The actions of a Delta log, as far as they are needed here: PROTOCOL.md, section "Actions". What comes from a file is looked at
 * before it is used; actions and fields that are not known are passed over, as the protocol asks, because what one must know to
 * read or write a table is said in its `protocol`.
 */
import { BatonError } from "../../model/errors.ts";

export interface Protocol {
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
  readonly readerFeatures?: readonly string[];
  readonly writerFeatures?: readonly string[];
}

export interface MetaData {
  readonly id: string;
  readonly name?: string;
  readonly description?: string;
  readonly format: {
    readonly provider: string;
    readonly options: Readonly<Record<string, string>>;
  };
  readonly schemaString: string;
  readonly partitionColumns: readonly string[];
  readonly configuration: Readonly<Record<string, string>>;
  readonly createdTime?: number;
}

export interface AddFile {
  /** As in the log: relative to the table, encoded as a URI. */
  readonly path: string;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly size: number;
  readonly modificationTime: number;
  readonly dataChange: boolean;
  /** JSON as text. */
  readonly stats?: string;
}

export interface RemoveFile {
  readonly path: string;
  readonly deletionTimestamp?: number;
  readonly dataChange: boolean;
}

/** How far an application has written: exactly-once rests on it (PROTOCOL.md, "Transaction Identifiers"). */
export interface Txn {
  readonly appId: string;
  readonly version: number;
  readonly lastUpdated?: number;
}

export type Action =
  | { readonly protocol: Protocol }
  | { readonly metaData: MetaData }
  | { readonly add: AddFile }
  | { readonly remove: RemoveFile }
  | { readonly txn: Txn }
  | { readonly commitInfo: Readonly<Record<string, unknown>> };

/** The file of a commit: one action a line. */
export function encodeActions(actions: readonly Action[]): Uint8Array {
  return new TextEncoder().encode(actions.map((action) => `${JSON.stringify(action)}\n`).join(""));
}

/**
 * The actions of a commit's file that are known.
 * @throws BatonError `TABLE_CORRUPT`
 */
export function decodeActions(bytes: Uint8Array, where: string): readonly Action[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw corrupt(where, "is no text", cause);
  }
  const actions: Action[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      throw corrupt(where, `has a line ${i + 1} that is no JSON`, cause);
    }
    if (!isObject(value)) throw corrupt(where, `has a line ${i + 1} that is no action`);
    const action = actionOf(value, `${where}, line ${i + 1},`);
    if (action !== undefined) actions.push(action);
  }
  if (actions.length === 0) throw corrupt(where, "holds no action");
  return actions;
}

/**
 * The action that an object of a commit, or a row of a checkpoint, stands for; undefined for one that is not known.
 * @throws BatonError `TABLE_CORRUPT` where a field that is needed is missing, or is another thing
 */
export function actionOf(value: Fields, where: string): Action | undefined {
  for (const [name, read] of Object.entries(READERS)) {
    const fields = value[name];
    if (fields === undefined || fields === null) continue;
    if (!isObject(fields)) throw corrupt(where, `has a ${name} that is no object`);
    return read(fieldReader(fields, `${where} ${name}`));
  }
  return undefined;
}

type Fields = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function corrupt(where: string, what: string, cause?: unknown): BatonError {
  return new BatonError("TABLE_CORRUPT", `${where} ${what}.`, { details: { where }, cause });
}

interface FieldReader {
  readonly fields: Fields;
  text(name: string): string;
  textIfThere(name: string): string | undefined;
  count(name: string): number;
  countIfThere(name: string): number | undefined;
  flag(name: string): boolean;
  texts(name: string): readonly string[] | undefined;
  map(name: string): Readonly<Record<string, string | null>>;
}

/** Reads fields of a JSON object, or of a row of Parquet, where whole numbers are bigints and what is absent is null. */
function fieldReader(fields: Fields, where: string): FieldReader {
  const bad = (name: string): BatonError => corrupt(where, `lacks ${name}, or has a wrong one`);
  function textIfThere(name: string): string | undefined {
    const value = fields[name] ?? undefined;
    if (value === undefined || typeof value === "string") return value;
    throw bad(name);
  }
  function countIfThere(name: string): number | undefined {
    const value = fields[name] ?? undefined;
    if (value === undefined) return undefined;
    const number = typeof value === "bigint" ? Number(value) : value;
    if (typeof number === "number" && Number.isSafeInteger(number)) return number;
    throw bad(name);
  }
  function needed<X>(name: string, value: X | undefined): X {
    if (value === undefined) throw bad(name);
    return value;
  }
  return {
    fields,
    textIfThere,
    countIfThere,
    text: (name) => needed(name, textIfThere(name)),
    count: (name) => needed(name, countIfThere(name)),
    flag(name) {
      const value = fields[name];
      if (typeof value === "boolean") return value;
      throw bad(name);
    },
    texts(name) {
      const value = fields[name] ?? undefined;
      if (value === undefined) return undefined;
      if (!Array.isArray(value) || value.some((each) => typeof each !== "string")) throw bad(name);
      return value.map(String);
    },
    map(name) {
      const value = fields[name] ?? {};
      if (!isObject(value)) throw bad(name);
      const read: Record<string, string | null> = {};
      for (const [key, each] of Object.entries(value)) {
        if (each !== null && each !== undefined && typeof each !== "string") throw bad(name);
        read[key] = each ?? null;
      }
      return read;
    },
  };
}

const READERS: Readonly<Record<string, (from: FieldReader) => Action>> = {
  protocol(from) {
    const readerFeatures = from.texts("readerFeatures");
    const writerFeatures = from.texts("writerFeatures");
    return {
      protocol: {
        minReaderVersion: from.count("minReaderVersion"),
        minWriterVersion: from.count("minWriterVersion"),
        ...(readerFeatures === undefined ? {} : { readerFeatures }),
        ...(writerFeatures === undefined ? {} : { writerFeatures }),
      },
    };
  },
  metaData(from) {
    const format = isObject(from.fields["format"]) ? from.fields["format"] : {};
    const name = from.textIfThere("name");
    const description = from.textIfThere("description");
    const createdTime = from.countIfThere("createdTime");
    return {
      metaData: {
        id: from.text("id"),
        ...(name === undefined ? {} : { name }),
        ...(description === undefined ? {} : { description }),
        format: {
          provider: fieldReader(format, "the format of a table").text("provider"),
          options: withoutNulls(fieldReader(format, "the format of a table").map("options")),
        },
        schemaString: from.text("schemaString"),
        partitionColumns: from.texts("partitionColumns") ?? [],
        configuration: withoutNulls(from.map("configuration")),
        ...(createdTime === undefined ? {} : { createdTime }),
      },
    };
  },
  add(from) {
    if ((from.fields["deletionVector"] ?? undefined) !== undefined)
      throw new BatonError("TABLE_UNSUITABLE", "A file of the table has a deletion vector.", {
        details: { path: from.text("path") },
      });
    // Other writers may leave stats out, or write them in a form of their own: they are of use only where they can be read.
    const stats = from.fields["stats"];
    return {
      add: {
        path: from.text("path"),
        partitionValues: from.map("partitionValues"),
        size: from.count("size"),
        modificationTime: from.count("modificationTime"),
        dataChange: from.flag("dataChange"),
        ...(typeof stats === "string" ? { stats } : {}),
      },
    };
  },
  remove(from) {
    const deletionTimestamp = from.countIfThere("deletionTimestamp");
    return {
      remove: {
        path: from.text("path"),
        ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
        dataChange: from.flag("dataChange"),
      },
    };
  },
  txn(from) {
    const lastUpdated = from.countIfThere("lastUpdated");
    return {
      txn: {
        appId: from.text("appId"),
        version: from.count("version"),
        ...(lastUpdated === undefined ? {} : { lastUpdated }),
      },
    };
  },
  commitInfo: (from) => ({ commitInfo: from.fields }),
};

function withoutNulls(map: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(map).flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
  );
}
