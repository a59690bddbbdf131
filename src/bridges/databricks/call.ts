/** One call over HTTP: the token, the headers, and what an answer that is not 200 means. */
import type { AgentContext } from "../../model/agent-definition.ts";
import { BatonError } from "../../model/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { TokenSource } from "./credentials.ts";
import { isBearerToken } from "../bearer-token.ts";
import { bodyBeginning } from "../limited-body.ts";
import { isUnreached } from "../unreached.ts";
import { notEnded } from "./answer-faults.ts";
import { field } from "./fields.ts";
import type { AgentPlace } from "./place.ts";
import { brokenOff, statusError, usageUnknown } from "./remote-errors.ts";

/** How an agent elsewhere is reached. */
export interface Line {
  readonly place: AgentPlace;
  readonly token: TokenSource;
  readonly answerBytesMax: number;
  readonly clock: Pick<Clock, "after">;
}

/** What of its context a call needs. */
export type CallContext = Pick<AgentContext, "signal" | "idempotencyKey" | "traceparent">;

/** With these a gateway stops waiting for an agent, which may go on. */
const GAVE_UP: ReadonlySet<number> = new Set([408, 504]);

/** The body of an error is read so far, and so long: what it says is only quoted, and its status says what to do. */
const ERROR_BYTES_MAX = 65_536;
const ERROR_MS = 2_000;

/**
 * Asks, and gives an answer with status 200, whose body is not read yet. Where the token is refused, once more with another.
 * @throws BatonError REMOTE_REFUSED, REMOTE_UNAVAILABLE, CREDENTIALS_REFUSED, and what the source of tokens throws
 */
export async function ask(line: Line, body: string, context: CallContext): Promise<Response> {
  const first = await line.token({});
  const response = await post(line, body, first, context);
  if (response.status === 200) return response;
  const refusal = await refusalOf(line, response, first, context);
  if (response.status !== 401) throw refusal;
  const second = await line.token({ refused: first });
  if (second === first) throw refusal;
  const again = await post(line, body, second, context);
  if (again.status === 200) return again;
  throw await refusalOf(line, again, second, context);
}

async function post(
  { place }: Line,
  body: string,
  token: string,
  context: CallContext,
): Promise<Response> {
  if (!isBearerToken(token))
    throw new BatonError(
      "CREDENTIALS_REFUSED",
      `What \`auth\` gave for ${place.label} is no token.`,
    );
  try {
    return await fetch(place.url, {
      method: "POST",
      body,
      redirect: "manual",
      signal: context.signal,
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        accept: "text/event-stream, application/json",
        "idempotency-key": context.idempotencyKey,
        traceparent: context.traceparent,
      },
    });
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    const fault = brokenOff(place.label, error);
    throw isUnreached(error) ? fault : usageUnknown(fault);
  }
}

async function refusalOf(
  { place, clock }: Line,
  response: Response,
  secret: string,
  context: CallContext,
): Promise<BatonError> {
  const { status, headers } = response;
  const enough = new AbortController();
  const stop = clock.after(ERROR_MS, () => enough.abort(), true);
  const limit = { bytesMax: ERROR_BYTES_MAX, enough: enough.signal };
  const body = await bodyBeginning(response, limit).finally(stop);
  if (context.signal.aborted) throw context.signal.reason;
  const goesOn = status === 422 ? notEnded(place.label, errorIn(body)) : undefined;
  if (goesOn !== undefined) return goesOn;
  const refusal = statusError({ from: place.label, status, headers, body, secret });
  return GAVE_UP.has(status) ? usageUnknown(refusal) : refusal;
}

/** As OpenAI's interfaces say it. */
function errorIn(body: string): unknown {
  try {
    return field(JSON.parse(body), "error");
  } catch {
    return undefined;
  }
}
