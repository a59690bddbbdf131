/** The HTTP face of the server: which hosts it is called under, and who calls. */
import type * as Sdk from "@modelcontextprotocol/server";
import type { McpCaller } from "./mcp-server.ts";

interface FaceOptions {
  readonly authenticate?: (request: Request) => Promise<McpCaller | Response>;
  readonly hosts?: readonly string[];
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
  { authenticate, hosts }: FaceOptions,
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
    const caller = await authenticate(request);
    if (caller instanceof Response) return caller;
    const { clientId, extra = {} } = caller;
    // The token stays here: what is served has no use for it.
    return serve(request, { authInfo: { token: "", clientId, scopes: [], extra: { ...extra } } });
  };
}
