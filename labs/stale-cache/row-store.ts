/**
 * The database of (a): one row for each application, which every agent reads and updates in place.
 *
 * It is what most teams have, and there is nothing sloppy about it: a real SQLite file, each statement a transaction; each agent
 * updates its own columns only, so that no update is lost; the schema is checked; queries have parameters.
 */
import SqliteDatabase from "better-sqlite3";
import type { Approval } from "../../examples/credit-decision/approval.ts";
import type { FraudReport } from "../../examples/credit-decision/fraud.ts";
import type { IncomeReport } from "../../examples/credit-decision/income.ts";
import type { RiskReport } from "../../examples/credit-decision/risk.ts";
import type { Fate } from "./plan.ts";
import type { Score } from "./questions.ts";

export interface RowStore {
  /** Opens the row of an application, with the score that is on file. */
  create(fate: Fate): void;
  /** Whether the application is new: the second delivery of the same one is dropped here. */
  claim(id: string): boolean;
  score(id: string): Score | undefined;
  income(id: string): IncomeReport;
  fraud(id: string): FraudReport;
  risk(id: string): Pick<RiskReport, "grade" | "debtToIncome">;
  setScore(id: string, score: Score): void;
  setIncome(id: string, income: IncomeReport): void;
  setFraud(id: string, fraud: FraudReport): void;
  setRisk(id: string, risk: RiskReport): void;
  setDecision(id: string, approval: Approval): void;
  /** The rows as they are at the end. */
  ended(): readonly EndedRow[];
  /** Commits so far. */
  writes(): number;
  /** Size of the database. */
  bytes(): number;
  close(): void;
}

export interface EndedRow {
  readonly id: string;
  readonly grade: RiskReport["grade"] | null;
  readonly decision: Approval["decision"] | null;
}

// The grade is a column of its own because that is what the next agent asks for. What it rests on is not kept: nobody
// asks for that before the first complaint.
const TABLE = `create table applications (
  id text primary key, application text not null, claimed integer not null default 0,
  score integer, score_date text, score_model text,
  income text, fraud text,
  grade text, debt_to_income real,
  decision text, reasons text, terms text
) strict`;

/** Opens a database in a file that does not exist yet, or in memory (`:memory:`). */
export function openRowStore(path: string): RowStore {
  const database = new SqliteDatabase(path);
  database.pragma("journal_mode = WAL");
  // Nobody waits for the disk here: the plan says how long a commit takes, and the lab's files are gone when it ends. The
  // same holds for Baton's store (see lab.ts).
  database.pragma("synchronous = NORMAL");
  database.exec(TABLE);
  let writes = 0;
  const written = (statement: SqliteDatabase.Statement, ...values: readonly unknown[]) => {
    writes += 1;
    return statement.run(...values).changes;
  };
  const create = database.prepare(
    "insert into applications (id, application, score, score_date, score_model) values (?, ?, ?, ?, ?)",
  );
  const claim = database.prepare(
    "update applications set claimed = 1 where id = ? and claimed = 0",
  );
  const score = database.prepare(
    `select score, score_date as "scoreDate", score_model as "scoreModel" from applications
     where id = ? and score is not null`,
  );
  const json = (column: string) => {
    const statement = database.prepare(`select ${column} from applications where id = ?`).pluck();
    // Written below, by the one who knows its type.
    return (id: string) => JSON.parse(statement.get(id) as string) as unknown;
  };
  const income = json("income");
  const fraud = json("fraud");
  const risk = database.prepare(
    `select grade, debt_to_income as "debtToIncome" from applications where id = ?`,
  );
  const set = (columns: string) =>
    database.prepare(`update applications set ${columns} where id = ?`);
  const setScore = set("score = ?, score_date = ?, score_model = ?");
  const setIncome = set("income = ?");
  const setFraud = set("fraud = ?");
  const setRisk = set("grade = ?, debt_to_income = ?");
  const setDecision = set("decision = ?, reasons = ?, terms = ?");
  const ended = database.prepare("select id, grade, decision from applications order by id");
  // The casts below name what the statements select: columns of a strict table that only this file writes.
  return {
    create: ({ application, earlier }) => {
      const { id } = application;
      const on = [earlier?.score, earlier?.scoreDate, earlier?.scoreModel].map((x) => x ?? null);
      written(create, id, JSON.stringify(application), ...on);
    },
    claim: (id) => written(claim, id) === 1,
    score: (id) => score.get(id) as Score | undefined,
    income: (id) => income(id) as IncomeReport,
    fraud: (id) => fraud(id) as FraudReport,
    risk: (id) => risk.get(id) as Pick<RiskReport, "grade" | "debtToIncome">,
    setScore: (id, { score: points, scoreDate, scoreModel }) => {
      written(setScore, points, scoreDate, scoreModel, id);
    },
    setIncome: (id, report) => void written(setIncome, JSON.stringify(report), id),
    setFraud: (id, report) => void written(setFraud, JSON.stringify(report), id),
    setRisk: (id, { grade, debtToIncome }) => void written(setRisk, grade, debtToIncome, id),
    setDecision: (id, approval) => {
      const terms = approval.decision === "declined" ? null : JSON.stringify(approval.terms);
      written(setDecision, approval.decision, JSON.stringify(approval.reasons), terms, id);
    },
    ended: () => ended.all() as readonly EndedRow[],
    writes: () => writes,
    bytes: () => {
      const pages = Number(database.pragma("page_count", { simple: true }));
      return pages * Number(database.pragma("page_size", { simple: true }));
    },
    close: () => void database.close(),
  };
}
