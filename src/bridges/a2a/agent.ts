/** A remote agent that speaks A2A, as an agent of this side. */
import { type Agent, agent, type AgentWork, type RetryOptions } from "../../model/agent.ts";
import type { AgentContext, CompensationContext } from "../../model/agent-definition.ts";
import type { Duration } from "../../model/duration.ts";
import { BatonError, isBatonError } from "../../model/errors.ts";
import { type Frozen, type JsonObject, sealJson } from "../../model/json.ts";
import { definitionInvalid, durationOr } from "../../model/problems.ts";
import { retryUnless } from "../bridged-retry.ts";
import { isFinal } from "../remote-final.ts";
import { type CardPolicy, checkedCard } from "./card.ts";
import { type A2aAuth, remoteFetch } from "./remote-fetch.ts";
import {
  follow,
  isAsking,
  type Listener,
  lookAgain,
  type Remote,
  resultOf,
  send,
  type Sent,
} from "./remote-task.ts";
import { loadClient } from "./sdk.ts";
import { valueOf, valuePart, type WirePart, type WireTask } from "./wire.ts";

/** A part of a message: `text`, `data`, or a file as `raw` (base64) or `url`. */
export type A2aPart = WirePart;

/** How a remote agent is asked. */
export interface A2aCallOptions<I, O> extends CardPolicy {
  readonly auth?: A2aAuth;
  /** What is sent; the input as one part of data, if left out. */
  readonly message?: (input: NoInfer<Frozen<I>>) => readonly A2aPart[];
  /**
   * What came out, of the parts of all artifacts. If left out, the last part with data; without one all text, read as JSON if it
   * is that.
   */
  readonly result?: (parts: readonly A2aPart[]) => NoInfer<Frozen<O>>;
  /** What undoes it: another message to the same agent, in `skill` if given. It is told which message it undoes as `metadata.undoes`. */
  readonly undo?: {
    readonly message: (input: NoInfer<Frozen<I>>, output: NoInfer<Frozen<O>>) => readonly A2aPart[];
    readonly skill?: string;
  };
  /**
   * Where the agent asks for more: `fail` with `REMOTE_ASKS`, and have its task cancelled (if left out), or `wait` until
   * somebody else has answered.
   */
  readonly onAsked?: "fail" | "wait";
  /**
   * How long is waited before an agent that does not stream is asked again how far it is; `1s` if left out. One that streams is asked
   * once it has said nothing for thirty times as long, or for four minutes. At most a day.
   */
  readonly poll?: Duration;
  /** The largest answer that is read: 4 MiB if left out. */
  readonly bytesMax?: number;
}

/** What {@link a2aAgent} takes: what an agent takes, and how the remote one is asked. */
export type A2aAgentOptions<I, O> = Omit<AgentWork<I, O, Frozen<O>>, "execute"> &
  A2aCallOptions<I, O>;

/** As large as what a step may give. */
const BYTES_MAX = 4 * 1024 * 1024;
const POLL_MS = 1_000;
/** Nobody means a longer one, and Node's timers end at once with what is longer than 24 days. */
const POLL_MAX_MS = 86_400_000;
/** How long the remote agent is given to take the news that its work is not wanted any more; the engine waits five seconds. */
const FAREWELL_MS = 4_000;

/**
 * An agent whose work a remote agent does, over A2A. The message's id follows from the call, and the remote task is recorded: an
 * attempt that is made again, in another process too, goes on with the task that was begun.
 *
 * @throws BatonError `DEFINITION_INVALID`, `DURATION_INVALID`
 * @example a2aAgent({ name: "pricer", version: "1.0.0", input: Order, output: Price, card: "https://agents.example.com/", skill: "pricing" })
 */
export function a2aAgent<I, O>(options: A2aAgentOptions<I, O>): Agent<I, O> {
  const { card, cardHash, cardVersion, skill, keys, origins, ...others } = options;
  const { auth, message, result, undo, onAsked, poll, bytesMax, ...work } = others;
  const settings = settingsOf(options);
  const retry = retryUnless(isFinal, work.retry);
  return agent<I, O, Frozen<O>>({
    ...work,
    retry,
    execute: async (input, context) => {
      const parts = message?.(input) ?? [valuePart(sealJson(input, "message"))];
      const remote = await reach(settings, context.signal, { traceparent: context.traceparent });
      const given = await performed(remote, { parts, retry, ...skillNamed(skill) }, context);
      if (result !== undefined) return result(given);
      // What an agent gives is checked against its contract, whatever the compiler is told here.
      return valueOf(given)?.value as Frozen<O>;
    },
    ...(undo === undefined
      ? {}
      : {
          compensate: async (input: Frozen<I>, output: Frozen<O>, context: CompensationContext) => {
            const { signal, traceparent } = context;
            const remote = await reach(settings, signal, { traceparent });
            const parts = undo.message(input, output);
            await undone(remote, { parts, ...skillNamed(undo.skill ?? skill) }, context);
          },
        }),
  });
}

interface Settings extends CardPolicy {
  readonly auth: A2aAuth | undefined;
  readonly bytesMax: number;
  readonly pollMs: number;
  readonly onAsked: "fail" | "wait";
}

/** @throws BatonError DEFINITION_INVALID */
function settingsOf<I, O>(options: A2aAgentOptions<I, O>): Settings {
  const { name, card, auth, origins = [], onAsked = "fail", bytesMax = BYTES_MAX } = options;
  const problems: string[] = [];
  const pollMs = durationOr(options.poll, "poll", problems) ?? POLL_MS;
  if (pollMs > POLL_MAX_MS) problems.push("The poll is longer than a day.");
  if (typeof card === "string" && !URL.canParse(card))
    problems.push(`The card, "${card}", is no URL.`);
  for (const origin of origins)
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      problems.push(`"${origin}" of \`origins\` is no origin such as https://agents.example.com.`);
  if (onAsked !== "fail" && onAsked !== "wait")
    problems.push("`onAsked` is neither fail nor wait.");
  if (!Number.isSafeInteger(bytesMax) || bytesMax < 1)
    problems.push("`bytesMax` is not a whole number above 0.");
  if (problems.length > 0) throw definitionInvalid(`agent "${name}"`, problems);
  return { ...options, auth, onAsked, bytesMax, pollMs };
}

/** Reads the card, and makes ready to call whom it names. */
async function reach(
  settings: Settings,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>>,
): Promise<Remote> {
  const sdk = await loadClient();
  const { auth, bytesMax, pollMs, onAsked } = settings;
  const fetchImpl = remoteFetch({ auth, headers, bytesMax });
  const card = await checkedCard(sdk, settings, fetchImpl, signal);
  const { ClientFactory, JsonRpcTransportFactory, RestTransportFactory } = sdk.client;
  const factory = new ClientFactory({
    transports: [
      new JsonRpcTransportFactory({ fetchImpl }),
      new RestTransportFactory({ fetchImpl }),
    ],
  });
  const client = await factory.createFromAgentCard(card);
  return { sdk, client, streams: card.capabilities?.streaming === true, pollMs, onAsked };
}

function skillNamed(skill: string | undefined): { readonly metadata: JsonObject } {
  return { metadata: skill === undefined ? {} : { skill } };
}

interface Order {
  readonly parts: readonly A2aPart[];
  readonly metadata: JsonObject;
}

/** What was sent in an earlier message of the same call, as it is recorded. */
type Recorded = Sent & { readonly attempt: number };

/** Has the remote agent do it: gives the parts of its result. */
async function performed(
  remote: Remote,
  { parts, metadata, retry }: Order & { readonly retry: RetryOptions },
  context: AgentContext,
): Promise<readonly A2aPart[]> {
  const { idempotencyKey, attempt, signal } = context;
  for (let no = 1; ; no += 1) {
    const id = messageId(idempotencyKey, no);
    let fresh = false;
    const sent: Recorded = await context.once(`a2a.message.${no}`, async () => {
      fresh = true;
      return { ...(await send(remote, { id, parts, metadata }, lingering(signal))), attempt };
    });
    if (sent.kind === "message") return sent.parts;
    const begun = { id: sent.id, fresh, wasTold: sent.attempt < attempt };
    const given = await ended(remote, begun, retry, context);
    if (given !== undefined) return given;
  }
}

function isSpent(task: WireTask | undefined, wasTold: boolean): boolean {
  const state = task?.status?.state;
  if (task === undefined || state === "TASK_STATE_CANCELED") return true;
  return wasTold && state === "TASK_STATE_FAILED";
}

/** What came of a task that this attempt began, or one before it; undefined where nothing will come of it any more. */
async function ended(
  remote: Remote,
  begun: { readonly id: string; readonly fresh: boolean; readonly wasTold: boolean },
  retry: RetryOptions,
  context: AgentContext,
): Promise<readonly A2aPart[] | undefined> {
  const { id, fresh, wasTold } = begun;
  const { signal, heartbeat: beat, stream: tell } = context;
  try {
    // What failed in the attempt before, was cancelled, or is forgotten, gives nothing any more.
    if (!fresh && isSpent(await lookAgain(remote, id, signal), wasTold)) return undefined;
    return resultOf(await follow(remote, id, { signal, beat: () => beat(), tell }));
  } catch (error) {
    if (isGivenUp(error, retry, context)) await farewell(remote, id);
    throw error;
  }
}

/** Whether the task may go on though no attempt will follow it any more. */
function isGivenUp(
  error: unknown,
  { attempts, final }: RetryOptions,
  context: AgentContext,
): boolean {
  // It has ended, or is not known any more.
  if (isBatonError(error, "REMOTE_FAILED")) return false;
  if (context.signal.aborted) return isUnwanted(context, attempts);
  return context.attempt >= attempts || final?.(error) === true;
}

/**
 * Whether nobody will ask for the result again. An attempt that is only broken off (its process closes, or it takes too long and
 * another one follows) leaves the task to the next one; one whose run ends is still listened to, which is how it is told apart.
 */
function isUnwanted(context: AgentContext, attempts: number): boolean {
  try {
    context.heartbeat();
    return true;
  } catch {
    return context.remainingMs() === 0 && context.attempt >= attempts;
  }
}

/** Cancels the task, as far as that can be. */
async function farewell({ client }: Remote, id: string): Promise<void> {
  const signal = AbortSignal.timeout(FAREWELL_MS);
  try {
    await client.cancelTask({ tenant: "", id, metadata: undefined }, { signal });
  } catch {
    // It has ended meanwhile, or can't be reached: why the attempt ends is what matters.
  }
}

/** Aborts a little later, so that what is being sent is known before it is given up. */
function lingering(signal: AbortSignal): AbortSignal {
  const later = new AbortController();
  const give = (): void => {
    setTimeout(() => later.abort(signal.reason), FAREWELL_MS).unref();
  };
  if (signal.aborted) give();
  else signal.addEventListener("abort", give, { once: true });
  return later.signal;
}

/**
 * Has the remote agent undo it. The message's id follows from the undoing: each attempt asks first what became of the messages
 * before, in their order, and sends another one only where the task of each has ended without undoing it. Two that are at work
 * at the same time would undo it twice.
 */
async function undone(
  remote: Remote,
  { parts, metadata }: Order,
  { idempotencyKey, executionKey, signal, attempt }: CompensationContext,
): Promise<void> {
  const deaf: Listener = { signal, beat: () => {}, tell: () => {} };
  const asked = { parts, metadata: { ...metadata, undoes: executionKey } };
  for (let no = 1; no <= attempt; no += 1) {
    const sent = await send(remote, { id: messageId(idempotencyKey, no), ...asked }, signal);
    if (sent.kind === "message") return;
    const task = await follow(remote, sent.id, deaf);
    const state = task.status?.state;
    if (state === "TASK_STATE_COMPLETED") return;
    if (state === undefined || !isAsking(state)) continue;
    await farewell(remote, sent.id);
    resultOf(task);
  }
  throw new BatonError("REMOTE_FAILED", "The remote agent has not undone it.", {
    details: { undoes: executionKey },
  });
}

/** The id of the nth message of a call. */
function messageId(key: string, no: number): string {
  return no === 1 ? key : `${key}-${no}`;
}
