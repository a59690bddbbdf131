/** What can go wrong with an agent elsewhere, and whether another attempt may do better. */
import { BatonError } from "../../model/errors.ts";
import { retryAfterMs } from "../retry-after.ts";
import { quoted } from "./fields.ts";

/** An answer with a status that is not 200. */
export interface Refusal {
  /** Who gave it: `endpoint risk`. */
  readonly from: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** What must not be repeated, wherever the other side has said it. */
  readonly secret: string;
}

/** The error for an answer with a status that is not 200. */
export function statusError({ from, status, headers, body, secret }: Refusal): BatonError {
  const said = saidIn(body, secret);
  const message = `The ${from} answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (status >= 300 && status < 400) {
    return new BatonError(
      "REMOTE_REFUSED",
      `The ${from} answered ${status}, and redirects elsewhere.`,
      {
        hint: "A redirect is not followed, since it would be given the token. Name the address itself, and who may ask there.",
        details: { status },
      },
    );
  }
  if (status === 401)
    return new BatonError("CREDENTIALS_REFUSED", message, { details: { status } });
  if (status !== 408 && status !== 425 && status !== 429 && status < 500)
    return new BatonError("REMOTE_REFUSED", message, { details: { status } });
  const waitMs = retryAfterMs(headers);
  return new BatonError("REMOTE_UNAVAILABLE", message, {
    details: { status, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) },
  });
}

/** The error for a connection that could not be made, or broke. */
export function brokenOff(from: string, cause: unknown): BatonError {
  const why = cause instanceof Error ? causeOf(cause) : String(cause);
  return new BatonError("REMOTE_UNAVAILABLE", `The ${from} could not be asked: ${quoted(why)}`, {
    cause,
  });
}

/** The same error, of an attempt of which nobody can tell what it used: all that was set aside for it counts then. */
export function usageUnknown(error: BatonError): BatonError {
  const { code, message, hint, details, cause } = error;
  return new BatonError(code, message, {
    hint,
    cause,
    details: { ...details, usageUnknown: true },
  });
}

/** Of the tokens of an answer nothing was told, and a limit hangs on them. */
export function usageMissing(from: string): BatonError {
  const message = `The ${from} did not tell what its answer used, and the agent has a maximum.`;
  return new BatonError("MODEL_USAGE_MISSING", message, {
    hint: "Have the agent there tell the `usage` of its answers, or take the `maximum` off the agent here.",
    details: { final: true, usageUnknown: true },
  });
}

/** `fetch failed` says nothing; what is behind it does. */
function causeOf({ message, cause }: Error): string {
  if (!(cause instanceof Error)) return message;
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
  return `${message} (${code})`;
}

/** What the body of an error says, in the forms that Databricks, MLflow and OpenAI have. */
function saidIn(body: string, secret: string): string {
  let said: unknown = body;
  try {
    const parsed: unknown = JSON.parse(body);
    said = messageIn(parsed) ?? body;
  } catch {
    // Not JSON: the text itself.
  }
  return quoted(redacted(String(said).trim(), secret));
}

function messageIn(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return undefined;
  for (const field of ["error", "message", "detail", "error_description"]) {
    const inner = messageIn((value as Readonly<Record<string, unknown>>)[field]);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** Of a secret at which a text was cut off, fewer letters than these may remain. */
const CUT_SECRET_CHARS = 8;

/** Text from the other side, without what it may have been told in confidence, of which the end may be missing at its end. */
export function redacted(text: string, secret: string): string {
  if (secret === "") return text;
  const whole = text.replaceAll(secret, "[secret]");
  for (let length = secret.length - 1; length >= CUT_SECRET_CHARS; length -= 1)
    if (whole.endsWith(secret.slice(0, length))) return `${whole.slice(0, -length)}[secret]`;
  return whole;
}
