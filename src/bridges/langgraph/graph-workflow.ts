/**
 * A graph of LangGraph as a workflow: what it asks by `interrupt()` becomes a step that waits for an answer.
 *
 * Nothing but steps: an agent that begins the graph, and for each question an approval (or a signal) and an agent that goes on with
 * the answer, all of them skipped where nothing is asked. So a question waits in the journal, as long as it takes, without a process.
 */
import { agent, type AgentWork } from "../../model/agent.ts";
import type { Contract } from "../../model/contract.ts";
import type { Duration } from "../../model/duration.ts";
import { BatonError } from "../../model/errors.ts";
import type { Frozen, Json } from "../../model/json.ts";
import { sealJson } from "../../model/json.ts";
import { jsonSchemaContract } from "../../model/json-schema.ts";
import { definitionInvalid } from "../../model/problems.ts";
import { type Workflow, workflow } from "../../model/workflow.ts";
import type { Graph } from "./graph.ts";
import {
  begun,
  checkedGraph,
  graphRetry,
  type GraphRunOptions,
  resultOf,
  turnOptions,
  unanswered,
} from "./graph-agent.ts";
import { graphTurn, threadOf, type TurnEnd } from "./graph-turn.ts";

/** How long a question waits, and what happens then. */
export type AskOptions =
  | {
      readonly timeout: Duration;
      readonly remindEvery?: Duration;
      /** `fail`, if left out. For answers with a contract only `fail`. */
      readonly onTimeout?: "fail" | "approved" | "refused";
    }
  | { readonly remindEvery: Duration; readonly timeout?: never; readonly onTimeout?: never };

/** What {@link langgraphWorkflow} takes. What agents take holds for each turn of the graph. */
export type LanggraphWorkflowOptions<G, I, O, A> = Omit<
  AgentWork<I, O, Frozen<O>>,
  "execute" | "maximum" | "budgets" | "breaker" | "rate" | "sideEffects" | "compensation"
> &
  GraphRunOptions<G, I, O> & {
    /** How many questions it may ask, 1 to 20; one more fails the run. */
    readonly questions: number;
    readonly ask: AskOptions;
    /**
     * What an answer is: it is awaited as a signal then, and is what `interrupt()` gives. If left out, a person approves or
     * refuses, and `interrupt()` gives `{ approved, by, reason, timedOut }`.
     */
    readonly answer?: Contract<A>;
  };

/** More questions than that are a conversation, which is a run for each of its turns. */
const QUESTIONS_MAX = 20;

/** Where a turn has ended, as a step's output. */
type Outcome =
  | { readonly kind: "done"; readonly output: Json }
  | {
      readonly kind: "asks";
      readonly thread: string;
      readonly id: string;
      readonly answered: number;
      readonly question: Json;
    };

const OUTCOME = jsonSchemaContract<Outcome>("langgraph.outcome", "1.0.0", {
  type: "object",
  required: ["kind"],
  oneOf: [
    { properties: { kind: { const: "done" }, output: {} }, required: ["output"] },
    {
      properties: {
        kind: { const: "asks" },
        thread: { type: "string" },
        id: { type: "string" },
        answered: { type: "integer", minimum: 0 },
        question: {},
      },
      required: ["thread", "id", "answered", "question"],
    },
  ],
});

/** What a turn goes on with. */
interface Reply {
  readonly thread: string;
  readonly id: string;
  readonly answered: number;
  readonly answer: Json;
  /** How many were asked before; at the last one no other may be. */
  readonly asked: number;
  readonly last: boolean;
}

const REPLY = jsonSchemaContract<Reply>("langgraph.reply", "1.0.0", {
  type: "object",
  properties: {
    thread: { type: "string" },
    id: { type: "string" },
    answered: { type: "integer", minimum: 0 },
    answer: {},
    asked: { type: "integer", minimum: 1 },
    last: { type: "boolean" },
  },
  required: ["thread", "id", "answered", "answer", "asked", "last"],
});

/**
 * A workflow that runs a compiled graph and asks what the graph asks: the steps `begin`, then `question-1` (an approval, or a
 * signal) and `reply-1`, and so on. Answers are given as to any approval or signal. To be started, or used as a subflow.
 *
 * @throws BatonError `DEFINITION_INVALID`, as {@link langgraphAgent}
 * @example langgraphWorkflow(graph, { name: "refund", version: "1.0.0", input: Refund, output: Paid, questions: 1, ask: { timeout: "24h" } })
 */
export function langgraphWorkflow<G extends Graph, I, O, A = never>(
  graph: G,
  options: LanggraphWorkflowOptions<G, I, O, A>,
): Workflow<I, O> {
  const { name, version, input, output, questions } = options;
  checkQuestions(name, questions);
  const { first, next } = turnAgents(graph, options);
  // Each call gives the builder another type; in a loop it has one.
  let steps = workflow<I, O>(name, version, {
    input,
    output,
    ...(options.description === undefined ? {} : { description: options.description }),
  }).step("begin", first, {
    input: ({ input: given }: { input: unknown }) => given,
  } as never) as unknown as Steps;
  for (let asked = 1; asked <= questions; asked += 1) {
    const before = asked === 1 ? "begin" : `reply-${asked - 1}`;
    const question = `question-${asked}`;
    steps = addQuestion(steps, { question, before }, options);
    steps = steps.step(`reply-${asked}`, next, {
      needs: [before, question],
      when: (view) => view[question] !== undefined,
      input: (view) =>
        replyOf(outcomeIn(view, before), view[question], { asked, last: asked === questions }),
    });
  }
  const turns = ["begin", ...Array.from({ length: questions }, (_, i) => `reply-${i + 1}`)];
  return steps.output((view) => {
    const outcome = turns
      .map((turn) => outcomeIn(view, turn))
      .findLast((each) => each !== undefined);
    return outcome?.kind === "done" ? outcome.output : undefined;
  }) as Workflow<I, O>;
}

type View = Readonly<Record<string, Json | undefined>>;

/** The builder, as it is used here. */
interface Steps {
  step(
    name: string,
    target: unknown,
    options: StepsOptions & { input: (view: View) => unknown },
  ): Steps;
  approval(name: string, options: StepsOptions & { show: (view: View) => unknown }): Steps;
  awaitSignal(name: string, options: StepsOptions & { contract: unknown }): Steps;
  output(project: (view: View) => unknown): unknown;
}

interface StepsOptions {
  readonly needs: readonly string[];
  readonly when: (view: View) => boolean;
}

function addQuestion<G, I, O, A>(
  steps: Steps,
  { question, before }: { readonly question: string; readonly before: string },
  { ask, answer }: LanggraphWorkflowOptions<G, I, O, A>,
): Steps {
  const waits = {
    needs: [before],
    when: (view: View) => outcomeIn(view, before)?.kind === "asks",
    ...ask,
  };
  if (answer !== undefined) return steps.awaitSignal(question, { ...waits, contract: answer });
  return steps.approval(question, {
    ...waits,
    show: (view) => {
      const outcome = outcomeIn(view, before);
      return outcome?.kind === "asks" ? outcome.question : null;
    },
  });
}

function outcomeIn(view: View, step: string): Outcome | undefined {
  // The step's output has passed the contract of outcomes, or is absent.
  return view[step] as unknown as Outcome | undefined;
}

function replyOf(
  outcome: Outcome | undefined,
  answer: Json | undefined,
  place: Pick<Reply, "asked" | "last">,
): unknown {
  if (outcome?.kind !== "asks") return undefined;
  const { thread, id, answered } = outcome;
  return { thread, id, answered, answer, ...place };
}

/** The agent of the first turn, and that of the others. */
function turnAgents<G extends Graph, I, O, A>(
  graph: G,
  options: LanggraphWorkflowOptions<G, I, O, A>,
) {
  const { begin, result, stream, config, model, questions, ask, answer, ...work } = options;
  const running = checkedGraph(graph, `workflow "${options.name}"`);
  const run: GraphRunOptions<G, I, O> = options;
  const outcomeOf = (thread: string, { values, questions: [asks] }: TurnEnd): Outcome =>
    asks === undefined
      ? { kind: "done", output: sealJson(resultOf(run, values), `result of ${options.name}`) }
      : {
          kind: "asks",
          thread,
          id: asks.id,
          answered: asks.answered,
          question: questionOf(asks.value),
        };
  const shared = { ...work, output: OUTCOME, retry: graphRetry(work.retry) };
  const first = agent<I, Outcome, Frozen<Outcome>>({
    ...shared,
    name: `${work.name}.begin`,
    execute: async (input, context) => {
      const thread = threadOf(context);
      const how = { thread, ...turnOptions(run), begin: () => begun(run, input) };
      return outcomeOf(thread, await graphTurn(running, how, context));
    },
  });
  const next = agent<Reply, Outcome, Frozen<Outcome>>({
    ...shared,
    name: `${work.name}.reply`,
    input: REPLY,
    execute: async ({ thread, id, answered, answer: value, asked, last }, context) => {
      refuseForeign(thread, context.run);
      const how = { thread, ...turnOptions(run), answer: { id, answered, value } };
      const end = await graphTurn(running, how, context);
      if (last && end.questions.length > 0)
        throw unanswered(work.name, end.questions[0]?.value, asked);
      return outcomeOf(thread, end);
    },
  });
  return { first, next };
}

/** A fork has the question of the run that it was forked from, but not its thread: that one has gone on since. */
function refuseForeign(thread: string, run: string): void {
  if (thread.startsWith(`${run}/`)) return;
  throw new BatonError("FORK_REFUSED", `The thread ${thread} is another run's.`, {
    hint: "Fork the run at a version before `begin`, so that the graph begins anew.",
    details: { thread, run },
  });
}

/** What is asked, as it is shown: JSON. */
function questionOf(value: unknown): Json {
  return sealJson(value ?? null, "value of interrupt()");
}

function checkQuestions(name: string, questions: number): void {
  if (Number.isSafeInteger(questions) && questions >= 1 && questions <= QUESTIONS_MAX) return;
  throw definitionInvalid(`workflow "${name}"`, [
    `The questions, ${questions}, are not a whole number from 1 to ${QUESTIONS_MAX}.`,
  ]);
}
