/** An agent behind a serving endpoint of Databricks, or in a Databricks App, as an agent. */
import {
  type Agent,
  agent,
  type AgentDelivery,
  type AgentUndoing,
  type AgentWork,
} from "../../model/agent.ts";
import type { AgentContext } from "../../model/agent-definition.ts";
import type { Frozen, Json, JsonObject } from "../../model/json.ts";
import { definitionInvalid, isContract } from "../../model/problems.ts";
import type { Clock } from "../../ports/clock.ts";
import { addressOf } from "../address.ts";
import { retryUnless } from "../bridged-retry.ts";
import { isFinal } from "../remote-final.ts";
import { outputOf } from "./answer-output.ts";
import type { Line } from "./call.ts";
import { type DatabricksAuth, tokenSource } from "./credentials.ts";
import { converse } from "./conversation.ts";
import { machineClock } from "../machine-clock.ts";
import { appPlace, endpointPlace } from "./place.ts";
import type { RemoteAnswer } from "./remote-answer.ts";
import { meetingAgain } from "./met-again.ts";

/** Where the agent is: one of the two. */
export type DatabricksPlace =
  | {
      /** The name of a serving endpoint of the workspace. */
      readonly endpoint: string;
      readonly app?: never;
    }
  | {
      /** The address of a Databricks App: `https://risk-123.aws.databricksapps.com`. */
      readonly app: string;
      readonly endpoint?: never;
    };

/** What {@link databricksAgent} takes besides what any agent takes. */
export interface DatabricksCall<I, O> {
  /** The workspace: `https://example.cloud.databricks.com`. It gives the tokens, and has the serving endpoints. */
  readonly host: string;
  readonly auth: DatabricksAuth;
  /** The shape of questions and answers: that of the Responses API if left out, or that of chat completions. */
  readonly api?: "responses" | "chat";
  /** Whether the answer is asked for as a stream, so that whoever watches sees it come. It is, if left out. */
  readonly stream?: boolean;
  /**
   * The body of the request, but for `stream`. If left out: one message of the user with the input (JSON, unless it is text), in the
   * Responses shape with `custom_inputs.input` and the run as the conversation, too.
   */
  readonly toRequest?: (input: NoInfer<Frozen<I>>, context: AgentContext) => JsonObject;
  /** The output. If left out: the last message, parsed as JSON unless the output contract is of text. */
  readonly fromResponse?: (answer: RemoteAnswer, input: NoInfer<Frozen<I>>) => NoInfer<Frozen<O>>;
  /** The model's name in the usage, where the answer does not say it; that of the endpoint or app if left out. */
  readonly model?: string;
  /** How large an answer may be, in bytes, with all its events; 8 MiB if left out. */
  readonly answerBytesMax?: number;
  /** The clock of tokens, and of answers that are silent; the machine's if left out. */
  readonly clock?: Pick<Clock, "now" | "after">;
}

/** What {@link databricksAgent} takes: what an agent takes, and how the agent there is asked. */
export type DatabricksAgentOptions<I, O> = Omit<AgentWork<I, O, Frozen<O>>, "execute"> &
  AgentUndoing<I, O> &
  AgentDelivery<I, O> &
  DatabricksCall<I, O> &
  DatabricksPlace;

/** Answers are read so far: deltas and done items say everything twice, and one output has at most 4 MiB. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/**
 * An agent that asks one behind a Model Serving endpoint, or in a Databricks App. The answer is streamed to whoever watches, its
 * tokens are counted, and what another attempt would meet again is final.
 *
 * Each attempt has at most `timeout`: `"5m"` if left out, which is how long an endpoint works at a request.
 *
 * @throws BatonError `DEFINITION_INVALID`, also for an app with a personal access token
 * @example databricksAgent({ name: "risk", version: "1.0.0", input: Applicant, output: Risk, host, endpoint: "risk", auth: { token } })
 */
export function databricksAgent<I, O>(options: DatabricksAgentOptions<I, O>): Agent<I, O> {
  const { host, auth, endpoint, app, api, stream, toRequest, fromResponse, model, ...rest } =
    options;
  const { answerBytesMax, clock, ...work } = rest;
  const line = lineOf(options);
  const mustCount = options.maximum !== undefined;
  const metAgain = meetingAgain(options);
  const named = model ?? options.endpoint ?? new URL(line.place.url).host;
  return agent<I, O, Frozen<O>>({
    timeout: "5m",
    ...work,
    retry: retryUnless((error) => isFinal(error) || metAgain.has(error), options.retry),
    execute: async (input: Frozen<I>, context: AgentContext) => {
      // A contract gives out JSON only, which the compiler does not know of every type.
      const request =
        toRequest === undefined
          ? defaultRequest(api, input as Json, context)
          : toRequest(input, context);
      const question = { request, api, stream, model: named, mustCount };
      const answer = await converse(line, question, context);
      return await metAgain.of(answer, () =>
        fromResponse === undefined
          ? // By the message's own words; the engine checks it against the contract.
            (outputOf(line.place.label, options.output, answer) as Frozen<O>)
          : fromResponse(answer, input),
      );
    },
    // What was taken out belongs to this bridge; the rest are options of an agent, as the caller's types say.
  } as Parameters<typeof agent<I, O, Frozen<O>>>[0]);
}

/** How it is reached. @throws BatonError DEFINITION_INVALID */
function lineOf<I, O>(options: DatabricksAgentOptions<I, O>): Line {
  const { name, version, endpoint, app, api = "responses", answerBytesMax } = options;
  const { clock = machineClock } = options;
  const problems: string[] = [];
  const host = addressOf(options.host, "host", problems);
  const appHost = app === undefined ? undefined : addressOf(app, "app", problems);
  if ((endpoint === undefined) === (app === undefined))
    problems.push("It has either an `endpoint` or an `app`.");
  if (endpoint !== undefined && (typeof endpoint !== "string" || endpoint.trim() === ""))
    problems.push("The `endpoint` is no name.");
  if (api !== "responses" && api !== "chat") problems.push("`api` is neither responses nor chat.");
  const bytesMax = answerBytesMax ?? ANSWER_BYTES_MAX;
  if (!(Number.isSafeInteger(bytesMax) && bytesMax >= 1))
    problems.push(`\`answerBytesMax\`, ${bytesMax}, is not a whole number of 1 or more.`);
  if (!isContract(options.output)) problems.push("The output is not a contract.");
  const isApp = app !== undefined;
  const token = tokenSource(options.auth, host, { isApp, clock }, problems);
  const place =
    appHost !== undefined
      ? appPlace(appHost, api)
      : host === undefined || endpoint === undefined
        ? undefined
        : endpointPlace(host, endpoint);
  if (problems.length > 0 || place === undefined || token === undefined)
    throw definitionInvalid(`agent "${name}@${version}"`, problems);
  return { place, token, answerBytesMax: bytesMax, clock };
}

function defaultRequest(
  api: "responses" | "chat" | undefined,
  input: Json,
  { run }: AgentContext,
): JsonObject {
  const content = typeof input === "string" ? input : JSON.stringify(input);
  const messages = [{ role: "user", content }];
  if (api === "chat") return { messages };
  return { input: messages, custom_inputs: { input }, context: { conversation_id: run } };
}
