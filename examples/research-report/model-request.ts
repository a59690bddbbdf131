/**
 * One answer of a model over HTTP. It is asked again only where the server says when (Retry-After), and only if that is in time; all
 * other failures are the attempt's, for which the agent has retries and a breaker.
 */
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { AgentContext } from "baton";
import { z } from "zod";
import type { ModelSettings } from "./model-writer.ts";

export interface Message {
  readonly role: "system" | "user";
  readonly content: string;
}

export interface Completion {
  readonly content: string;
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number };
}

/** How often a server that is busy is waited for within one attempt. */
const WAITS_MAX = 3;
/** More of an error's text helps nobody, and may quote the request. */
const ERROR_CHARACTERS_MAX = 200;

const answerSchema = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1),
  usage: z.object({ prompt_tokens: z.int().min(0), completion_tokens: z.int().min(0) }),
});

/** What the request needs of the attempt. */
type Attempt = Pick<AgentContext, "signal" | "idempotencyKey" | "remainingMs">;

/** Asks for one completion. @throws Error with the status and how the server put it; what `signal` is aborted with. */
export async function completion(
  { url, model, key }: ModelSettings,
  messages: readonly Message[],
  { signal, idempotencyKey, remainingMs }: Attempt,
): Promise<Completion> {
  const asked = JSON.stringify({ model, messages, temperature: 0 });
  for (let waits = 0; ; waits += 1) {
    const response = await fetch(url, {
      method: "POST",
      signal,
      headers: {
        "content-type": "application/json",
        "idempotency-key": keyOf(idempotencyKey, asked),
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: asked,
    });
    const body = await response.text();
    if (response.ok) return completionOf(body);
    const waitMs = retryAfterMs(response.headers.get("retry-after"), response.headers.get("date"));
    const told = `The model's server answered ${response.status}: ${body.slice(0, ERROR_CHARACTERS_MAX)}`;
    const isBusy = response.status === 429 || response.status === 503;
    if (!isBusy || waitMs === undefined || waits === WAITS_MAX) throw new Error(told);
    if (waitMs >= (remainingMs() ?? Number.POSITIVE_INFINITY))
      throw new Error(
        `${told} It may be asked again in ${waitMs} ms, which is too late for this attempt.`,
      );
    await pause(waitMs, undefined, { signal });
  }
}

/** The attempt's key is that of all its attempts; one that is told why the last was refused asks something else. */
function keyOf(idempotencyKey: string, asked: string): string {
  return `${idempotencyKey}-${createHash("sha256").update(asked).digest("hex").slice(0, 16)}`;
}

function completionOf(body: string): Completion {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new Error(
      `The model's server answered with no JSON: ${body.slice(0, ERROR_CHARACTERS_MAX)}`,
    );
  }
  const parsed = answerSchema.safeParse(value);
  if (!parsed.success)
    throw new Error(`The model's server answered in another shape: ${parsed.error.message}`);
  const { choices, usage } = parsed.data;
  return {
    content: choices[0]?.message.content ?? "",
    usage: { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens },
  };
}

/** Seconds, or an HTTP date, which is compared with the server's own clock. Undefined where nothing usable is said. */
export function retryAfterMs(header: string | null, date: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1_000;
  const waitMs = Date.parse(header) - Date.parse(date ?? "");
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}
