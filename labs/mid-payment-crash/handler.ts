/**
 * The order, without Baton, as a decent team writes it: a row that says how far it has come, idempotency keys made from the
 * order's id, retries, and a `catch` that undoes what was done.
 *
 * | variant | who calls it again after a crash | what the `catch` does |
 * |---|---|---|
 * | request | the customer, perhaps | undoes, as far as it can; what fails is logged |
 * | queue | the queue | undoes if a service has refused; on any other error the message stays in the queue |
 * | byHand | the queue | as queue, and says so in the row first: who comes next goes on undoing |
 */
import type { Parameters } from "./parameters.ts";
import type { Operation } from "./plan.ts";
import { type Caller, Refused, type World } from "./world.ts";

export type Style = "request" | "queue" | "byHand";

/** What the database has of the order. */
export interface Row {
  readonly status: "placed" | "undoing" | "shipped" | "failed";
  readonly reservation?: string;
  readonly charge?: string;
  readonly booking?: string;
  readonly parcel?: string;
}

/** One process that handles the order. */
export interface Process extends Caller {
  readonly world: World;
  readonly parameters: Parameters;
  readonly order: string;
  readonly row: () => Row;
  /** Changes the row, and commits. */
  readonly save: (change: Partial<Row>) => Promise<void>;
  /** Writes to the log, where a person may find it. */
  readonly log: (line: string) => void;
}

/** Places the order, or goes on with it. @throws Error if it should be tried again later */
export async function placeOrder(process: Process, style: Style): Promise<void> {
  const { status } = process.row();
  if (status === "shipped" || status === "failed") return;
  if (status === "undoing") return await undo(process, style);
  try {
    await forward(process);
  } catch (error) {
    if (style !== "request" && !(error instanceof Refused)) throw error;
    if (style === "byHand") await process.save({ status: "undoing" });
    await undo(process, style);
  }
}

async function forward(process: Process): Promise<void> {
  const { row, save } = process;
  if (row().reservation === undefined) await save({ reservation: await asked(process, "reserve") });
  if (row().charge === undefined) await save({ charge: await asked(process, "charge") });
  if (row().booking === undefined) await save({ booking: await asked(process, "book") });
  await save({ parcel: await asked(process, "ship"), status: "shipped" });
}

/** Back through what the row knows of. One that can't be undone does not keep the others from it. */
async function undo(process: Process, style: Style): Promise<void> {
  const { reservation, charge, booking } = process.row();
  const undoings = [
    ["cancelBooking", booking],
    ["refund", charge],
    ["release", reservation],
  ] as const;
  let failed: Error | undefined;
  for (const [operation, subject] of undoings) {
    if (subject === undefined) continue;
    try {
      await asked(process, operation, subject);
    } catch (error) {
      process.log(`${process.order}: ${operation} failed: ${String(error)}`);
      failed = new Error(`${operation} failed.`, { cause: error });
    }
  }
  if (failed !== undefined && style !== "request") throw failed;
  await process.save({ status: "failed" });
}

/** Asks a service, some times if need be; a refusal is final. */
async function asked(process: Process, operation: Operation, subject?: string): Promise<string> {
  const { world, parameters, order, time } = process;
  const { attempts, firstPauseMs, timeoutMs } = parameters;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const call = world.call(process, operation, `${order}/${operation}`, subject);
      const late = time.pass(timeoutMs).then(() => Promise.reject(new Error("No answer.")));
      return await Promise.race([call, late]);
    } catch (error) {
      if (error instanceof Refused || attempt >= attempts) throw error;
    }
    await time.pass(firstPauseMs * 2 ** (attempt - 1));
  }
}
