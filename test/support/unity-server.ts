/**
 * A server that speaks as much of Unity Catalog's REST API as a registry needs, over real HTTP. It answers as the open-source server
 * 0.6 was seen to answer (test/interop/unity-catalog.test.ts runs the same tests against that one), or with the spelling and the
 * further endpoints of Databricks, as its reference describes them.
 */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { UnityDialect } from "baton/unity-catalog";
import { routed } from "./unity-routes.ts";
import { type Body, Refusal, unityState } from "./unity-state.ts";
import type { UnityServer } from "./unity-places.ts";

export interface Fault {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Nothing is answered at all. */
  readonly hangs?: boolean;
}

export interface FakeUnityServer extends UnityServer {
  /** Lines such as `GET /functions/main.lending.credit_score`, without their queries. */
  readonly requests: string[];
  /** Asked for each request, before it is answered. */
  fault: ((line: string) => Fault | undefined) | undefined;
  /** Changes the definition of a function behind the API's back. */
  readonly tamper: (fullName: string, definition: string) => void;
}

const API = "/api/2.1/unity-catalog";
const USERS = "/api/1.0/unity-control/scim2/Users";

export async function fakeUnityServer(dialect: UnityDialect): Promise<FakeUnityServer> {
  const state = unityState(dialect);
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const line = `${request.method ?? ""} ${decodeURIComponent(url.pathname.replace(API, ""))}`;
    requests.push(line);
    const fault = fake.fault?.(line);
    if (fault?.hangs === true) return;
    if (fault !== undefined) {
      response.writeHead(fault.status, fault.headers).end(fault.body ?? "");
      return;
    }
    void answered(request, url).then(([status, body]) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });

  async function answered(request: IncomingMessage, url: URL): Promise<readonly [number, Body]> {
    try {
      const who = /^Bearer token-of-(.+)$/.exec(request.headers.authorization ?? "")?.[1];
      if (who === undefined || !state.users.has(who))
        throw new Refusal(401, "UNAUTHENTICATED", "Invalid access token.");
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString("utf8");
      // What a test sends, or the client that is tested.
      const body = text === "" ? {} : (JSON.parse(text) as Body);
      const method = request.method ?? "";
      if (url.pathname === USERS) {
        const [email] = body["emails"] as readonly { readonly value: string }[];
        state.users.add(email?.value ?? "");
        return [201, body];
      }
      const path = url.pathname.replace(API, "");
      return [200, await routed(state, { who, method, path, query: url.searchParams, body })];
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return [error.status, { error_code: error.code, message: error.message }];
    }
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A server that listens on a port has an address of this form.
  const { port } = server.address() as AddressInfo;
  const fake: FakeUnityServer = {
    url: `http://127.0.0.1:${port}`,
    dialect,
    tokenOf: (principal) => `token-of-${principal}`,
    requests,
    fault: undefined,
    tamper: (fullName, routine_definition) => {
      const securable = `function/${fullName}`;
      state.objects.set(securable, { ...state.objects.get(securable), routine_definition });
    },
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return fake;
}
