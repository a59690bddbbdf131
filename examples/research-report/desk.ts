/** The newsletter's desk: agents that take something of the catalogue and can give it back, and the one that declines. */
import { type Agent, agent, contract } from "baton";
import { z } from "zod";
import type { Catalogue, Kind } from "./catalogue.ts";
import { CONFIDENCE_NEEDED, Finding, Question } from "./contracts.ts";

const takenSchema = z.object({ kind: z.string(), no: z.int().min(1), question: z.string() });
const noticeSchema = z.object({ question: z.string(), notice: z.string() });

export type Taken = z.infer<typeof takenSchema>;
export type Notice = z.infer<typeof noticeSchema>;

export const Taken = contract("taken", "1.0.0", takenSchema, {
  description: "What the catalogue gave for a question.",
});
export const Notice = contract("notice", "1.0.0", noticeSchema, {
  description: "Why there will be no report.",
});

export interface Desk {
  readonly announce: Agent<Question, Taken>;
  readonly number: Agent<Question, Taken>;
  readonly place: Agent<Question, Taken>;
  readonly decline: Agent<Finding, Notice>;
}

export function deskOf(catalogue: Catalogue): Desk {
  return {
    announce: taking("announcement", catalogue),
    number: taking("number", catalogue),
    place: taking("place", catalogue),
    decline,
  };
}

/** Takes something under the key of its execution, and gives back what was taken under that key. */
function taking(kind: Kind, catalogue: Catalogue): Agent<Question, Taken> {
  return agent({
    name: `desk.${kind}`,
    version: "1.0.0",
    description: `Takes one ${kind} of the catalogue for a question.`,
    input: Question,
    output: Taken,
    timeout: "5s",
    execute: ({ text }, context) => ({
      kind,
      no: catalogue.take(kind, context.idempotencyKey),
      question: text,
    }),
    compensate: (_question, _taken, { executionKey }) => catalogue.giveBack(kind, executionKey),
    compensateUnknown: true,
  });
}

const decline: Desk["decline"] = agent({
  name: "desk.decline",
  version: "1.0.0",
  description: "Tells whoever asked why there will be no report.",
  input: Finding,
  output: Notice,
  timeout: "5s",
  execute: ({ question, confidence, evidence }) => ({
    question,
    notice: `No report: the confidence is ${confidence}, and ${CONFIDENCE_NEEDED} is needed.${
      evidence.missing.length === 0 ? "" : ` Not found together: ${evidence.missing.join(", ")}.`
    }`,
  }),
});
