/** The HTTP face of the server: which hosts it is called under, and who calls. */
import type * as Sdk from "@modelcontextprotocol/server";
import { isObject } from "./fields.ts";
import type { McpCaller } from "./mcp-server.ts";

interface FaceOptions {
  readonly authenticate?: (request: Request) => Promise<McpCaller | Response>;
  readonly hosts?: readonly string[];
  readonly onError: (error: Error) => void;
}

type Checks = Pick<
  typeof Sdk,
  | "hostHeaderValidationResponse"
  | "originValidationResponse"
  | "localhostAllowedHostnames"
  | "localhostAllowedOrigins"
>;

type SdkFetch = (
  request: Request,
  options?: { readonly authInfo?: Sdk.AuthInfo },
) => Promise<Response>;

export function httpFace(
  sdk: Checks,
  serve: SdkFetch,
  { authenticate, hosts, onError }: FaceOptions,
): (request: Request) => Promise<Response> {
  const checked = hosts !== undefined || authenticate === undefined;
  const names = [...(hosts ?? sdk.localhostAllowedHostnames())];
  const origins = [...(hosts ?? sdk.localhostAllowedOrigins())];
  return async (request) => {
    const refused = checked
      ? (sdk.hostHeaderValidationResponse(request, names) ??
        sdk.originValidationResponse(request, origins))
      : undefined;
    if (refused !== undefined) return refused;
    if (authenticate === undefined) return serve(request);
    const given = await asked(authenticate, request, onError);
    if (!isCaller(given)) return given;
    const { clientId, extra = {} } = given;
    // The token stays here: what is served has no use for it.
    return serve(request, { authInfo: { token: "", clientId, scopes: [], extra: { ...extra } } });
  };
}

/** Whoever can't be asked lets nobody in. */
async function asked(
  authenticate: (request: Request) => Promise<McpCaller | Response>,
  request: Request,
  onError: (error: Error) => void,
): Promise<McpCaller | Response> {
  try {
    const given: unknown = await authenticate(request);
    if (isCaller(given) || isAnswer(given)) return given;
    throw new TypeError("`authenticate` gave neither a caller with a `clientId` nor a response.");
  } catch (error) {
    onError(error instanceof Error ? error : new Error(String(error)));
    const said = { code: -32603, message: "It could not be found out who calls." };
    return Response.json({ jsonrpc: "2.0", id: null, error: said }, { status: 500 });
  }
}

function isCaller(given: unknown): given is McpCaller {
  return isObject(given) && typeof given["clientId"] === "string" && given["clientId"] !== "";
}

/** By its form: not every response is of this process's own class. */
function isAnswer(given: unknown): given is Response {
  return isObject(given) && typeof given["status"] === "number";
}
