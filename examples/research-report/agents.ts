/**
 * The three agents of all three ways. They are made once, and handed to a choreography, a workflow or both as they are.
 *
 * None of them reads a clock or the network, unless a model writes: `model-writer.ts`.
 */
import { type Agent, agent, exponential } from "baton";
import { analyseFinding } from "./analysis.ts";
import { Analysis, Finding, Question, Report, SoundFinding } from "./contracts.ts";
import { type Library, libraryOf, readTexts } from "./library.ts";
import { type ModelSettings, modelWriter } from "./model-writer.ts";
import { researchQuestion } from "./research.ts";
import { composeReport, type Writer } from "./writing.ts";

export interface Agents {
  readonly research: Agent<Question, Finding>;
  readonly analysis: Agent<Finding, Analysis>;
  readonly writing: Agent<Analysis, Report>;
}

/** Searches the library and says what it found, where, and how sure it is. */
export function researchAgent(library: Library): Agents["research"] {
  return agent({
    name: "research",
    version: "1.0.0",
    description: "Finds what the library says of a question, with quotes and a confidence.",
    input: Question,
    output: Finding,
    timeout: "5s",
    execute: (question) => researchQuestion(library, question),
  });
}

/** Takes a finding apart. It takes none below 0.7: that is a rule of what it takes in. */
export const analysis: Agents["analysis"] = agent({
  name: "analysis",
  version: "1.0.0",
  description: "Takes the points out of a finding that is good enough.",
  input: SoundFinding,
  output: Analysis,
  timeout: "5s",
  execute: (finding) => analyseFinding(finding),
});

/** Composes the report. Its breaker is for a writer that asks a model: without one it has nothing to fail. */
export function writingAgent(writer: Writer, version: string): Agents["writing"] {
  return agent({
    name: "writing",
    version,
    description: "Composes a report that cites its sources.",
    input: Analysis,
    output: Report,
    timeout: "2m",
    retry: { attempts: 3, backoff: exponential("500ms") },
    // A model's server is asked by so many at a time, however many reports are under way.
    concurrency: 8,
    breaker: { failures: 5, cooldown: "30s" },
    execute: (analysed, context) => writer(analysed, context),
  });
}

/**
 * The agents over the texts of corpus/.
 * @param model who writes the report; without it the report is composed of the sources' own sentences. Another writer is
 *   another version of the agent, so that the journal says who wrote.
 */
export function agentsOf(model?: ModelSettings, library = libraryOf(readTexts())): Agents {
  return {
    research: researchAgent(library),
    analysis,
    writing:
      model === undefined
        ? writingAgent(composeReport, "1.0.0")
        : writingAgent(modelWriter(model), "2.0.0"),
  };
}
