/** Everything on: the lender's Baton, with its registry, its traces and its tables. */
import { join } from "node:path";
import {
  type Baton,
  catalogueItems,
  open,
  type PriceTable,
  type RegistryFactory,
  type Workflow,
} from "baton";
import { deltaFolder, deltaSink, type DeltaSink, type DeltaStorage } from "baton/delta";
import { langgraphJournal } from "baton/langgraph";
import { mlflow } from "baton/otel";
import { sqlite } from "baton/sqlite";
import type { ApplicationValue } from "./applications.ts";
import type { AnswerValue } from "./contracts.ts";
import { lender } from "./lender.ts";
import { MODEL } from "./neighbours/model.ts";
import type { Addresses } from "./neighbours/neighbours.ts";
import { loanBy } from "./workflow.ts";

export interface StackOptions {
  /** Where the store and the tables are kept. */
  readonly folder: string;
  readonly neighbours: Addresses;
  /** Of an MLflow server; no traces are sent without it. */
  readonly mlflow?: string;
  readonly registry: RegistryFactory;
  /** Who publishes what the code has, and owns it. */
  readonly owner: string;
  /** For whom runs execute. */
  readonly principal: string;
}

export interface Stack {
  readonly baton: Baton;
  readonly loan: Workflow<ApplicationValue, AnswerValue>;
  readonly tables: DeltaStorage;
  /** Sends the traces of all that is in the journal now. */
  readonly flush: () => Promise<void>;
  /** Brings the tables to where the journal is. */
  readonly drain: DeltaSink["drain"];
  readonly close: () => Promise<void>;
}

export const EXPERIMENT = "reference-stack";
const PRICES: PriceTable = {
  [MODEL]: { inputPerMillion: "0.40", outputPerMillion: "1.60", currency: "EUR" },
};

export async function openStack(options: StackOptions): Promise<Stack> {
  const { folder, neighbours, registry, owner, principal } = options;
  const path = join(folder, "baton.db");
  const journal = await langgraphJournal(sqlite(path));
  const { agents, close } = await lender(neighbours, journal.checkpointer);
  const loan = loanBy(agents);
  const baton = await open({
    store: journal.factory,
    workflows: [loan],
    registry,
    principal,
    prices: PRICES,
    ...(options.mlflow === undefined
      ? {}
      : { tracing: mlflow({ url: options.mlflow, experiment: EXPERIMENT }) }),
  });
  const items = catalogueItems({ workflows: baton.workflows });
  await baton.registry.publish(items, owner);
  for (const { kind, name } of items)
    if (kind !== "contract")
      await baton.registry.grant(kind, name, { principal, privilege: "EXECUTE" }, owner);
  const tables = deltaFolder(join(folder, "lake"));
  const sink = await deltaSink({ store: sqlite(path), to: tables });
  return {
    baton,
    loan,
    tables,
    flush: async () => {
      await baton.exportTraces();
    },
    drain: (how) => sink.drain(how),
    close: async () => {
      await baton.close();
      await sink.close();
      await close();
    },
  };
}
