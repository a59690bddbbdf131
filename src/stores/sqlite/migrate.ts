/**
 * The format of the file: whose it is (application_id), which version (user_version), and how to bring it to this one.
 */
import { BatonError } from "../../model/errors.ts";
import type { Database } from "./driver.ts";
import { journal0001 } from "./migrations/0001-journal.ts";
import { labels0002 } from "./migrations/0002-labels.ts";

/** "Batn": says to SQLite's tools, and to us, whose file this is. */
const APPLICATION_ID = 0x4261746e;

/** The SQL that leads from each format to the next; the format's number is the length of the list. */
const MIGRATIONS: readonly string[] = [journal0001, labels0002];

/**
 * Brings the file to today's format, or refuses it.
 * @throws BatonError `STORE_NEWER`, `STORE_CORRUPT` (a database of another program), `STORE_FAILED` (opened for reading, not of today's format)
 */
export function migrate(database: Database, file: string, readOnly: boolean): void {
  if (formatOf(database, file) === MIGRATIONS.length) return;
  if (readOnly) {
    throw new BatonError("STORE_FAILED", `${file} is not yet a store of today's format.`, {
      hint: "Open it once for writing, which brings it to today's format.",
      details: { file },
    });
  }
  const bring = database.transaction(() => {
    // Read again under the lock: another process may have been faster.
    for (const sql of MIGRATIONS.slice(formatOf(database, file))) database.exec(sql);
    database.pragma(`application_id = ${APPLICATION_ID}`);
    database.pragma(`user_version = ${MIGRATIONS.length}`);
  });
  bring.immediate();
}

/** The file's format; 0 for a new file. */
function formatOf(database: Database, file: string): number {
  const owner = numberOf(database, "application_id");
  const format = numberOf(database, "user_version");
  const isNew = owner === 0 && format === 0 && numberOf(database, "schema_version") === 0;
  if (isNew) return 0;
  if (owner !== APPLICATION_ID) {
    throw new BatonError("STORE_CORRUPT", `${file} is a database of another program.`, {
      hint: "Name another file for the store.",
      details: { file, applicationId: owner },
    });
  }
  // The owner and the format are written together.
  if (format < 1) {
    throw new BatonError("STORE_CORRUPT", `${file} says that it has format ${format}.`, {
      details: { file, format },
    });
  }
  if (format > MIGRATIONS.length) {
    const known = MIGRATIONS.length;
    throw new BatonError(
      "STORE_NEWER",
      `${file} has format ${format}; this Baton knows ${known}.`,
      {
        details: { file, format, known },
      },
    );
  }
  return format;
}

function numberOf(database: Database, pragma: string): number {
  return Number(database.pragma(pragma, { simple: true }));
}
