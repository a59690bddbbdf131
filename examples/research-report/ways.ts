/** The three ways of one example, out of the same agents, and where the command line keeps what they leave. */
import { fileURLToPath } from "node:url";
import type { Frozen, Workflow } from "baton";
import { type Agents, agentsOf } from "./agents.ts";
import { type Catalogue, openCatalogue } from "./catalogue.ts";
import { reportByChoreography } from "./choreography.ts";
import type { Question, Report } from "./contracts.ts";
import { deskOf } from "./desk.ts";
import { reportByHybrid } from "./hybrid.ts";
import { modelSettings } from "./model-writer.ts";
import { reportByOrchestration } from "./orchestration.ts";

export type Way = "choreography" | "orchestration" | "hybrid";
export type ReportWorkflow = Workflow<Question, Frozen<Report>>;
export type Ways = Readonly<Record<Way, ReportWorkflow>>;

export const WAYS: readonly Way[] = ["choreography", "orchestration", "hybrid"];

/** Who writes: the model that the environment names, or the composer. */
export const model = modelSettings(process.env);

/** A model's reports are kept apart: its writing agent has another version. */
const folder = model === undefined ? "research-report" : "research-report-model";

/** What the command line keeps, journal and catalogue. */
export const FOLDER: string = fileURLToPath(new URL(`../../.baton/${folder}`, import.meta.url));
export const STORE = `${FOLDER}/journal.db`;

/** All three, over the same agents. */
export function ways(
  agents: Agents = agentsOf(model),
  catalogue: Catalogue = openCatalogue(`${FOLDER}/catalogue.jsonl`),
): Ways {
  return {
    choreography: reportByChoreography(agents),
    orchestration: reportByOrchestration(agents),
    hybrid: reportByHybrid(agents, deskOf(catalogue)),
  };
}
