/** The HTTP face of the server: which hosts it is called under, and who calls. */
import type * as Sdk from "@modelcontextprotocol/server";
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
    const caller = await asked(authenticate, request, onError);
    if (caller instanceof Response) return caller;
    const { clientId, extra = {} } = caller;
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
    return await authenticate(request);
  } catch (error) {
    onError(error instanceof Error ? error : new Error(String(error)));
    const said = { code: -32603, message: "It could not be found out who calls." };
    return Response.json({ jsonrpc: "2.0", id: null, error: said }, { status: 500 });
  }
}
