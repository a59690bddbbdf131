/**
 * Who asks: a personal access token, a service principal (OAuth client credentials), or a function of one's own.
 *
 * C1. A token is asked for once, however many calls need it at that moment, and kept until shortly before it expires.
 * C2. A token that was refused is asked for anew once; whoever was refused with an older one takes the newer.
 * C3. No token and no secret is in an error.
 */
import type { ClientAuth } from "oauth4webapi";
import { BatonError, isBatonError } from "../../model/errors.ts";
import { definitionInvalid } from "../../model/problems.ts";
import type { Clock } from "../../ports/clock.ts";
import { addressOf, isLoopback } from "../address.ts";
import { limitedText } from "../limited-body.ts";
import { limitOf } from "./too-long.ts";
import { machineClock } from "../machine-clock.ts";
import { loadOauth } from "./packages.ts";
import { brokenOff, statusError } from "./remote-errors.ts";

/** What a {@link TokenSource} is asked for. */
export interface TokenRequest {
  /** The token with which a call was answered 401: another one is wanted. */
  readonly refused?: string;
}

/** Gives the token for a call. It is asked for each call, so what takes time it keeps itself. */
export type TokenSource = (request: TokenRequest) => string | Promise<string>;

/** Who asks. */
export type DatabricksAuth =
  /** A personal access token. Apps don't take one. */
  | { readonly token: string }
  /** A service principal, by OAuth. For several agents share one {@link clientCredentials}, so that they share its token. */
  | { readonly clientId: string; readonly clientSecret: string }
  | TokenSource;

/** What {@link clientCredentials} takes. */
export interface ClientCredentialsOptions {
  /** The workspace: `https://example.cloud.databricks.com`. */
  readonly host: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** `all-apis` if left out. */
  readonly scope?: string;
  /** The machine's if left out. */
  readonly clock?: Pick<Clock, "now">;
}

/** A token is asked for anew so long before it expires, so that no call is under way with one that has. */
const MARGIN_MS = 60_000;
/** What a token lives where the answer does not say. Databricks gives them for an hour. */
const LIFE_MS = 15 * 60_000;
const ASK_MS = 30_000;
/** More than a token needs; what answers with more is something else. */
const TOKEN_BYTES_MAX = 65_536;

interface Held {
  readonly token: string;
  readonly renewAtMs: number;
}

/**
 * Tokens of a service principal (OAuth machine-to-machine): one for all agents that are given this source.
 *
 * @example const auth = clientCredentials({ host, clientId, clientSecret });
 * @throws BatonError `DEFINITION_INVALID`; when it is asked, CREDENTIALS_REFUSED, REMOTE_UNAVAILABLE, DEPENDENCY_MISSING
 */
export function clientCredentials(options: ClientCredentialsOptions): TokenSource {
  const { clientId, clientSecret, scope = "all-apis", clock = machineClock } = options;
  const problems: string[] = [];
  const host = addressOf(options.host, "host", problems);
  if (isBlank(clientId)) problems.push("There is no `clientId`.");
  if (isBlank(clientSecret)) problems.push("There is no `clientSecret`.");
  if (host === undefined || problems.length > 0)
    throw definitionInvalid("client credentials", problems);
  let held: Held | undefined;
  let asking: Promise<Held> | undefined;
  return async ({ refused }) => {
    if (held !== undefined && held.token !== refused && clock.now() < held.renewAtMs)
      return held.token;
    asking ??= ask({ host, clientId, clientSecret, scope, clock })
      .then((given) => {
        held = given;
        return given;
      })
      .finally(() => {
        asking = undefined;
      });
    return (await asking).token;
  };
}

type Asked = Required<ClientCredentialsOptions>;

async function ask({ host, clientId, clientSecret, scope, clock }: Asked): Promise<Held> {
  const oauth = await loadOauth();
  const from = `token endpoint of ${host}`;
  const server = { issuer: host, token_endpoint: `${host}/oidc/v1/token` };
  const client = { client_id: clientId };
  try {
    const response = await oauth.clientCredentialsGrantRequest(
      server,
      client,
      basic(clientId, clientSecret),
      { scope },
      {
        signal: AbortSignal.timeout(ASK_MS),
        [oauth.allowInsecureRequests]: isLoopback(new URL(host).hostname),
      },
    );
    const { status, headers } = response;
    const body = await limitedText(response, limitOf(from, TOKEN_BYTES_MAX));
    if (status !== 200) {
      const refusal = { from, status, headers, body, secret: clientSecret };
      // An unknown client is answered 400 or 401, by RFC 6749.
      throw statusError(status === 400 ? { ...refusal, status: 401 } : refusal);
    }
    const given = await oauth.processClientCredentialsResponse(
      server,
      client,
      new Response(body, { headers }),
    );
    const lifeMs = given.expires_in === undefined ? LIFE_MS : given.expires_in * 1_000;
    const marginMs = Math.min(MARGIN_MS, lifeMs / 2);
    return { token: given.access_token, renewAtMs: clock.now() + lifeMs - marginMs };
  } catch (error) {
    if (isBatonError(error)) throw error;
    // Of an answer that is none of OAuth's the library keeps the body, which may hold the token.
    if (error instanceof oauth.OperationProcessingError)
      throw new BatonError("REMOTE_ANSWER_INVALID", `The ${from} gave no token: ${error.message}`);
    throw brokenOff(from, error);
  }
}

/**
 * As Databricks' own clients do it. The library's would write the dashes of a client id as `%2D`, as RFC 6749 may be read, and who
 * takes the id as it stands does not know it then.
 */
function basic(clientId: string, clientSecret: string): ClientAuth {
  const text = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
  return (_server, _client, _body, headers) => headers.set("authorization", `Basic ${btoa(text)}`);
}

/** The source of tokens for an agent. What is wrong is added to `problems`. */
export function tokenSource(
  auth: unknown,
  host: string | undefined,
  { isApp, clock }: { readonly isApp: boolean; readonly clock: Pick<Clock, "now"> },
  problems: string[],
): TokenSource | undefined {
  // The caller's own function.
  if (typeof auth === "function") return auth as TokenSource;
  if (typeof auth === "object" && auth !== null) {
    if ("token" in auth && typeof auth.token === "string" && !isBlank(auth.token)) {
      const { token } = auth;
      if (!isApp) return () => token;
      problems.push(
        "An app takes OAuth tokens only, no personal access token: give `auth` a `clientId` and `clientSecret`, or a function.",
      );
      return undefined;
    }
    if ("clientId" in auth && "clientSecret" in auth) {
      const { clientId, clientSecret } = auth;
      if (isText(clientId) && isText(clientSecret))
        return host === undefined
          ? undefined
          : clientCredentials({ host, clientId, clientSecret, clock });
    }
  }
  problems.push(
    "`auth` is neither { token }, { clientId, clientSecret }, nor a function that gives a token.",
  );
  return undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && !isBlank(value);
}

function isBlank(value: unknown): boolean {
  return typeof value !== "string" || value.trim() === "";
}
