/** An agent out of a prompt, a model and two contracts. */
import {
  type Agent,
  agent,
  type AgentOptions,
  type AgentUndoing,
  type AgentWork,
} from "../../model/agent.ts";
import type { AgentContext } from "../../model/agent-definition.ts";
import { countsByDefault } from "../../model/breaker.ts";
import type { Failure } from "../../model/entry.ts";
import type { Frozen } from "../../model/json.ts";
import { definitionInvalid } from "../../model/problems.ts";
import { retryUnless } from "../bridged-retry.ts";
import { isFinalError, isOfTheRequest } from "./model-errors.ts";
import { loadAiSdk } from "./packages.ts";
import { acts, outputForm, promptProblems, type PromptOptions } from "./prompt-options.ts";
import { promptTurn } from "./prompt-turn.ts";

/** What {@link promptAgent} takes: what an agent takes, and how the model is asked. */
export type PromptAgentOptions<I, O> = Omit<AgentWork<I, O, Frozen<O>>, "execute"> &
  AgentUndoing<I, O> &
  PromptOptions<I>;

/** Longer than an answer takes, also one that thinks; many calls of tools may need more. */
const TIMEOUT = "5m";

/**
 * An agent that asks a model. The output contract says what for: a string is the answer as it is, an object is asked for by the
 * contract's JSON Schema and checked by the contract, rules included.
 *
 * An answer that breaks the contract is a failed attempt, and the model is told in the next one what was wrong. So is one that a
 * later step has sent back. Each call is counted under the model's name, and costs what `prices` of `open()` say.
 *
 * Not tried again, besides what `retry.final` says: what the provider refuses for good, an answer that was cut off
 * (`MODEL_CUT_SHORT`) or filtered (`MODEL_BLOCKED`). With a `breaker`, errors that speak of the request alone don't count,
 * unless it says itself what does.
 *
 * Each attempt has at most `timeout`, with all its calls of the model and of tools: `"5m"` if left out, since a model that says
 * nothing would hold its step up for ever.
 *
 * The model is part of what the agent is: another one, or another prompt, is another version.
 *
 * @throws BatonError `DEFINITION_INVALID`
 * @example promptAgent({ name: "triage", version: "1.0.0", input: Ticket, output: Verdict, model: openai("gpt-5"), prompt: ({ text }) => text })
 */
export function promptAgent<I, O>(options: PromptAgentOptions<I, O>): Agent<I, O> {
  const { prompt, work } = apart(options);
  const problems = promptProblems(prompt);
  const form = outputForm(options.output, problems);
  if (problems.length > 0)
    throw definitionInvalid(`agent "${options.name}@${options.version}"`, problems);
  const warned = new Set<string>();
  const warnOnce = (context: AgentContext, message: string): void => {
    if (warned.has(message)) return;
    warned.add(message);
    context.log.warn(message);
  };
  const { breaker } = options;
  const made = {
    timeout: TIMEOUT,
    ...work,
    sideEffects: options.sideEffects ?? (options.compensate !== undefined || acts(prompt)),
    retry: retryUnless(isFinalError, options.retry),
    ...(breaker === undefined ? {} : { breaker: { counts: isSign, ...breaker } }),
    execute: async (input: Frozen<I>, context: AgentContext): Promise<Frozen<O>> => {
      const ai = await loadAiSdk();
      const plan = { ai, agent: definition, form, options: prompt, warnOnce };
      // The engine checks it once more, as every output, before it is of that type.
      return (await promptTurn(plan, input, context)) as Frozen<O>;
    },
  };
  // As they came, of the one union or the other, which spreading forgets.
  const definition = agent<I, O, Frozen<O>>(made as unknown as AgentOptions<I, O, Frozen<O>>);
  return definition;
}

function isSign(error: unknown): boolean {
  // What is thrown has a code, as a failure has, or none, and then it counts.
  return !isOfTheRequest(error) && countsByDefault(error as Failure);
}

/** Every option of the prompt, so that none is taken for one of the agent. */
const OF_THE_PROMPT: Readonly<Record<keyof PromptOptions<never>, true>> = {
  model: true,
  system: true,
  prompt: true,
  maxOutputTokens: true,
  temperature: true,
  topP: true,
  topK: true,
  seed: true,
  stopSequences: true,
  providerOptions: true,
  headers: true,
  tools: true,
  readOnlyTools: true,
  stepsMax: true,
  repairs: true,
  refusal: true,
  stream: true,
  schemaInPrompt: true,
};

/** The options of the prompt, without those that are undefined, and those of the agent. */
function apart<I, O>(options: PromptAgentOptions<I, O>) {
  const isOfThePrompt = ([name]: [string, unknown]) => Object.hasOwn(OF_THE_PROMPT, name);
  const entries = Object.entries(options);
  const asked = entries.filter((each) => isOfThePrompt(each) && each[1] !== undefined);
  return {
    // By the names above, they are these.
    prompt: Object.fromEntries(asked) as unknown as PromptOptions<I>,
    work: Object.fromEntries(entries.filter((each) => !isOfThePrompt(each))),
  };
}
