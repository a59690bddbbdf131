import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { expect, test } from "vitest";
import type { Cell, Column, ColumnType, Row } from "./columns.ts";
import { decodeParquet, encodeRows } from "./parquet.ts";

const INT64_MAX = 2n ** 63n - 1n;
const decimal = fc.tuple(fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n })).map(([whole]) => {
  const digits = String(whole < 0n ? -whole : whole).padStart(19, "0");
  const text = `${digits.slice(0, -18)}.${digits.slice(-18)}`.replace(/\.?0+$/, "");
  return whole < 0n && /[1-9]/.test(text) ? `-${text}` : text;
});
const cells: Readonly<Record<ColumnType, fc.Arbitrary<Cell>>> = {
  string: fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("", "\u{FEFF}", "\u{FEFF}a", "\0", "😀"),
  ),
  long: fc.bigInt({ min: -INT64_MAX - 1n, max: INT64_MAX }),
  boolean: fc.boolean(),
  // From long before 1970 to the last that a date can hold.
  timestamp: fc.integer({ min: -62_135_596_800_000, max: 8_640_000_000_000_000 }),
  date: fc
    .date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true })
    .map((day) => day.toISOString().slice(0, 10)),
  "decimal(38,18)": decimal,
};
const TYPES = Object.keys(cells).filter(
  (type): type is ColumnType => type !== "date" && type in cells,
);
const COLUMNS: readonly Column[] = TYPES.flatMap((type) => [
  { name: `${type}_required`, type, required: true, comment: "" },
  { name: `${type}_there`, type, comment: "" },
]);

test("whatever is written is read back, exactly", async () => {
  const row: fc.Arbitrary<Row> = fc.record(
    Object.fromEntries(
      COLUMNS.map(({ name, type, required }) => [
        name,
        required === true ? cells[type] : fc.option(cells[type]),
      ]),
    ),
    { noNullPrototype: true },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
      expect(await decodeParquet(await encodeRows(COLUMNS, rows), "a file")).toEqual(rows);
    }),
    { numRuns: 100 },
  );
});

test("only some columns are read, and those that a file lacks are left out", async () => {
  const [first] = COLUMNS;
  if (first === undefined) throw new Error("There are columns.");
  const bytes = await encodeRows([first], [{ [first.name]: "a" }]);
  expect(await decodeParquet(bytes, "a file", [first.name, "other"])).toEqual([
    { [first.name]: "a" },
  ]);
  expect(await decodeParquet(bytes, "a file", [first.name])).toEqual([{ [first.name]: "a" }]);
});

test("what others have compressed in another way, and of other types, is read", async () => {
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: "text", data: ["a", "b"], type: "STRING" },
      // A type that no column of Baton's has.
      { name: "count", data: [1, -2], type: "INT32" },
    ],
    codec: "GZIP",
    compressors: { GZIP: (input) => gzipSync(input) },
  });
  expect(await decodeParquet(new Uint8Array(buffer), "a file")).toEqual([
    { text: "a", count: 1 },
    { text: "b", count: -2 },
  ]);
});

test("what is no Parquet file is refused", async () => {
  await expect(decodeParquet(new Uint8Array(40), "The file x")).rejects.toMatchObject({
    code: "TABLE_CORRUPT",
    message: expect.stringContaining("The file x is no Parquet file"),
  });
});
