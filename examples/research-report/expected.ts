/** What becomes of each question, told by the agents' functions alone: without a run, and so without any of the three ways. */
import { createHash } from "node:crypto";
import { analyseFinding } from "./analysis.ts";
import { CONFIDENCE_NEEDED } from "./contracts.ts";
import type { Library } from "./library.ts";
import type { AskedQuestion } from "./questions.ts";
import { researchQuestion } from "./research.ts";
import { composeReport } from "./writing.ts";

export interface ExpectedReport {
  readonly id: string;
  readonly confidence: number;
  /** Their ids, the best first. */
  readonly sources: string;
  /** Of the report's JSON with its keys in the order of their letters, as the journal has them; absent below 0.7. */
  readonly sha256?: string;
}

export function expectedOf(library: Library, { id, text }: AskedQuestion): ExpectedReport {
  const finding = researchQuestion(library, { text });
  const { confidence } = finding;
  const sources = finding.sources.map((source) => source.id).join(", ");
  if (confidence < CONFIDENCE_NEEDED) return { id, confidence, sources };
  const report = composeReport(analyseFinding(finding));
  return { id, confidence, sources, sha256: sha256Of(JSON.stringify(ordered(report))) };
}

export function sha256Of(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A value with the keys of its objects in order. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, ordered(each)] as const);
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}
