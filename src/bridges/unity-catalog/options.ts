/** Where a Unity Catalog is, and how it is spoken to. */
import { type Duration, durationMs } from "../../model/duration.ts";
import { BatonError } from "../../model/errors.ts";
import { type RegistryPlace, registryPlace } from "../../model/registered-name.ts";
import { TIMER_MAX_MS } from "../../ports/machine-timer.ts";
import { addressOf } from "../address.ts";

/** Which server it is: their privileges are spelled differently, and Databricks knows more. */
export type UnityDialect = "open-source" | "databricks";

export interface UnityCatalogOptions {
  /**
   * Of the server, without the path of its API: `http://127.0.0.1:8080`, `https://my-workspace.cloud.databricks.com`. With a `token`
   * it has to be https, but on this machine.
   */
  readonly url: string;
  /** Of what does not say another in its name; `main` if left out. */
  readonly catalog?: string;
  /** Of what does not say another in its name; `default` if left out. */
  readonly schema?: string;
  /**
   * Sent as a bearer token with each request: the token, or what gives the one to be used now. Without it, or for an empty one, none
   * is sent.
   */
  readonly token?: string | (() => string | Promise<string>);
  /** `open-source` if left out. */
  readonly dialect?: UnityDialect;
  /** For one request, from asking for its token to the end of its answer; `5s` if left out. */
  readonly timeout?: Duration;
  /** A longer answer is not read to its end; 32 MiB if left out. */
  readonly answerBytesMax?: number;
}

/** The options, checked. */
export interface UnityConnection {
  /** Of the API, without a slash at its end. */
  readonly api: string;
  /** For messages: the server alone, without a path, a query or credentials. */
  readonly server: string;
  readonly place: RegistryPlace;
  readonly token: () => Promise<string | undefined>;
  readonly dialect: UnityDialect;
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
}

/** Below the ten seconds after which the engine gives up a question. */
const DEFAULT_TIMEOUT: Duration = "5s";
/** A page has up to a hundred functions, each with a definition; more is no page. */
const DEFAULT_ANSWER_BYTES_MAX = 32 * 1024 * 1024;

/** @throws BatonError ARGUMENT_INVALID */
export function unityConnection(options: UnityCatalogOptions): UnityConnection {
  const { url, catalog, schema, token, dialect = "open-source" } = options;
  const problems: string[] = [];
  const withoutToken = token === undefined || token === "";
  const address = addressOf(url, "option url of a Unity Catalog", problems, { withoutToken });
  if (address === undefined)
    throw unusable(
      "url",
      problems.join(" "),
      "https://unity.example.com, or http://127.0.0.1:8080",
    );
  if (dialect !== "open-source" && dialect !== "databricks")
    throw invalid("dialect", "is not known", "open-source, or databricks");
  const { answerBytesMax = DEFAULT_ANSWER_BYTES_MAX, timeout = DEFAULT_TIMEOUT } = options;
  if (!Number.isSafeInteger(answerBytesMax) || answerBytesMax < 1)
    throw invalid("answerBytesMax", "is not a number of bytes", "33554432");
  const timeoutMs = Math.min(durationMs(timeout), TIMER_MAX_MS);
  if (timeoutMs < 1) throw invalid("timeout", "leaves no time", DEFAULT_TIMEOUT);
  return {
    api: `${address}/api/2.1/unity-catalog`,
    server: new URL(address).origin,
    place: registryPlace({
      ...(catalog === undefined ? {} : { catalog }),
      ...(schema === undefined ? {} : { schema }),
    }),
    token: async () => (typeof token === "function" ? await token() : token),
    dialect,
    timeoutMs,
    answerBytesMax,
  };
}

function invalid(option: string, problem: string, example: string): BatonError {
  return unusable(option, `The option ${option} of a Unity Catalog ${problem}.`, example);
}

/** The value itself is left out: what was given as an address may hold a password. */
function unusable(option: string, message: string, example: string): BatonError {
  return new BatonError("ARGUMENT_INVALID", message, {
    hint: `For example: ${example}`,
    details: { option },
  });
}
