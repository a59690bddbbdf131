/** The three ways of one example, out of the same agents, and where the command line keeps what they leave. */
import { fileURLToPath } from "node:url";
import type { Frozen, Workflow } from "baton";
import { type Agents, agentsOf } from "./agents.ts";
import { type Catalogue, openCatalogue } from "./catalogue.ts";
import { reportByChoreography } from "./choreography.ts";
import type { Question, Report } from "./contracts.ts";
import { deskOf } from "./desk.ts";
import { reportByHybrid } from "./hybrid.ts";
import { type ModelSettings, modelSettings } from "./model-writer.ts";
import { reportByOrchestration } from "./orchestration.ts";

export type Way = "choreography" | "orchestration" | "hybrid";
export type ReportWorkflow = Workflow<Question, Frozen<Report>>;
export type Ways = Readonly<Record<Way, ReportWorkflow>>;

export const WAYS: readonly Way[] = ["choreography", "orchestration", "hybrid"];

/** Who writes, and where the command line keeps what it leaves. */
export interface Place {
  /** The model that writes; without it the report is composed. */
  readonly model: ModelSettings | undefined;
  readonly folder: string;
  readonly store: string;
  readonly catalogue: string;
}

/** What the environment asks for. What a model wrote is kept apart: its writing agent has another version. @throws Error as {@link modelSettings} */
export function placeOf(environment: Readonly<Record<string, string | undefined>>): Place {
  const model = modelSettings(environment);
  const name = model === undefined ? "research-report" : "research-report-model";
  const folder = fileURLToPath(new URL(`../../.baton/${name}`, import.meta.url));
  return { model, folder, store: `${folder}/journal.db`, catalogue: `${folder}/catalogue.jsonl` };
}

/** All three, over the same agents. */
export function ways(agents: Agents, catalogue: Catalogue): Ways {
  return {
    choreography: reportByChoreography(agents),
    orchestration: reportByOrchestration(agents),
    hybrid: reportByHybrid(agents, deskOf(catalogue)),
  };
}

/** All three as the command line runs them. */
export function waysAt({ model, catalogue }: Place): Ways {
  return ways(agentsOf(model), openCatalogue(catalogue));
}
