/**
 * The contracts of the report: what goes from agent to agent, and what must hold of it.
 *
 * That a finding is good enough is a rule of what the analysis takes in, not of what the research gives out: a weak finding is a
 * finding, and whoever asked may read it. So the refusal is the analysis agent's, in whichever way it is handed the finding.
 */
import { contract, rule } from "baton";
import { z } from "zod";

/** Below this nothing is analysed. */
export const CONFIDENCE_NEEDED = 0.7;

const questionText = z.string().min(8).max(300);
const share = z.number().min(0).max(1);

const questionSchema = z.object({ text: questionText });

/** Where something stands. `dated` is the day from which the text is. */
const sourceSchema = z.object({ id: z.string(), title: z.string(), dated: z.iso.date() });

const findingSchema = z.object({
  question: questionText,
  /** What was found, in the words of the sources; empty if nothing was. */
  text: z.string(),
  sources: z.array(sourceSchema.extend({ quote: z.string().min(1) })),
  /** What the confidence is made of. */
  evidence: z.object({
    /** Share of what the question asks that the best text speaks of. */
    covered: share,
    /** Share of it that its quoted sentences speak of. */
    quoted: share,
    /** Texts that speak of at least half of it. */
    agreeing: z.int().min(0),
    /** Words of the question that the best text lacks. */
    missing: z.array(z.string()),
  }),
  confidence: share,
  /** The day of the newest text that was quoted, or of the newest in the library: no clock is read. */
  foundAt: z.iso.date(),
});

const analysisSchema = z.object({
  question: questionText,
  /** What is said, the most telling first, with the ids of the sources that bear it. */
  points: z.array(z.object({ text: z.string(), sources: z.array(z.string()).min(1) })).min(1),
  sources: z.array(sourceSchema).min(1),
  confidence: share,
  foundAt: z.iso.date(),
});

const reportSchema = z.object({
  question: questionText,
  paragraphs: z.array(z.object({ text: z.string().min(1), cites: z.array(z.string()) })).min(1),
  sources: z.array(sourceSchema).min(1),
  confidence: share,
  foundAt: z.iso.date(),
});

export type Question = z.infer<typeof questionSchema>;
export type Finding = z.infer<typeof findingSchema>;
export type Analysis = z.infer<typeof analysisSchema>;
export type Report = z.infer<typeof reportSchema>;

export const Question = contract("question", "1.0.0", questionSchema, {
  description: "What somebody wants to know.",
});

export const Finding = contract("finding", "1.0.0", findingSchema, {
  description: "What the library says, where it stands, and how far it can be trusted.",
  rules: [
    rule(
      "a finding without sources has no text and no confidence",
      ({ sources, text, confidence }) => sources.length > 0 || (text === "" && confidence === 0),
    ),
  ],
});

export const SoundFinding = contract("sound-finding", "1.0.0", findingSchema, {
  description: "A finding that is good enough to be analysed.",
  rules: [
    rule(
      `confidence is at least ${CONFIDENCE_NEEDED}`,
      ({ confidence }) => confidence >= CONFIDENCE_NEEDED,
      { path: "/confidence" },
    ),
  ],
});

export const Analysis = contract("analysis", "1.0.0", analysisSchema, {
  description: "The points that the sources make.",
  rules: [
    rule("each point rests on sources of the analysis", ({ points, sources }) =>
      points.every((point) => point.sources.every((id) => sources.some((each) => each.id === id))),
    ),
  ],
});

export const Report = contract("report", "1.0.0", reportSchema, {
  description: "An answer that says where each paragraph is from.",
  rules: [
    rule("each paragraph cites a source", ({ paragraphs }) =>
      paragraphs.every(({ cites }) => cites.length > 0),
    ),
    rule("it cites its own sources only", ({ paragraphs, sources }) =>
      paragraphs.every(({ cites }) => cites.every((id) => sources.some((each) => each.id === id))),
    ),
  ],
});
