/**
 * The database of (b): one JSON document for each application, loaded and saved as a whole.
 *
 * It is how the shared state of many agent frameworks works, and what an object-relational mapper does with a JSON column: the
 * program gets an object, changes a field, and calls save. Each save is atomic. What it has no notion of is that
 * somebody else has saved since the load.
 */
import SqliteDatabase from "better-sqlite3";
import type { Application } from "../../examples/credit-decision/application.ts";
import type { Approval } from "../../examples/credit-decision/approval.ts";
import type { CreditReport } from "../../examples/credit-decision/bureau.ts";
import type { FraudReport } from "../../examples/credit-decision/fraud.ts";
import type { IncomeReport } from "../../examples/credit-decision/income.ts";
import type { RiskReport } from "../../examples/credit-decision/risk.ts";

/** The shared state of one application. Reports are there when their agent has saved them; a score may be on file before. */
export interface Case {
  readonly application: Application;
  readonly claimed?: true;
  readonly score?: CreditReport;
  readonly income?: IncomeReport;
  readonly fraud?: FraudReport;
  readonly risk?: RiskReport;
  readonly approval?: Approval;
}

export interface DocumentStore {
  load(id: string): Case;
  save(document: Case): void;
  /** All documents as they are at the end. */
  ended(): readonly Case[];
  /** Commits so far. */
  writes(): number;
  bytes(): number;
  close(): void;
}

/** Opens a database in a file that does not exist yet, or in memory (`:memory:`). */
export function openDocumentStore(path: string): DocumentStore {
  const database = new SqliteDatabase(path);
  database.pragma("journal_mode = WAL");
  // Nobody waits for the disk here: the plan says how long a commit takes, and the lab's files are gone when it ends. The
  // same holds for Baton's store (see lab.ts).
  database.pragma("synchronous = NORMAL");
  database.exec("create table cases (id text primary key, document text not null) strict");
  let writes = 0;
  const load = database.prepare("select document from cases where id = ?").pluck();
  const save = database.prepare(
    "insert into cases (id, document) values (?, ?) on conflict (id) do update set document = excluded.document",
  );
  const all = database.prepare("select document from cases order by id").pluck();
  // Only `save` writes the column, and it takes a Case.
  const parsed = (text: unknown) => JSON.parse(text as string) as Case;
  return {
    load: (id) => parsed(load.get(id)),
    save: (document) => {
      writes += 1;
      save.run(document.application.id, JSON.stringify(document));
    },
    ended: () => all.all().map(parsed),
    writes: () => writes,
    bytes: () => {
      const pages = Number(database.pragma("page_count", { simple: true }));
      return pages * Number(database.pragma("page_size", { simple: true }));
    },
    close: () => void database.close(),
  };
}
