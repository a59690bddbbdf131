/**
 * A small server that speaks as much of S3 as tables need, over real HTTP: objects, conditional puts, listings in pages. What the
 * conditions mean is as AWS describes it: 412 where the object is there, 409 where somebody else puts it at that moment.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface S3Server {
  readonly endpoint: string;
  /** By `bucket/key`. */
  readonly objects: Map<string, Buffer>;
  /** Lines such as `PUT bucket/key`. */
  readonly requests: string[];
  close(): Promise<void>;
}

export interface S3ServerOptions {
  /** Overwrites, whatever the condition says. */
  readonly ignoresConditions?: boolean;
  /** Asked for each request: a status to answer with, done or not. */
  readonly fault?: (
    request: string,
  ) => { readonly status: number; readonly done: boolean } | undefined;
}

/** Objects on a page of a listing: few, so that every listing has pages. */
const PAGE = 3;

export async function s3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    void answer(request, response);
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://localhost");
    const key = decodeURIComponent(url.pathname.slice(1)).replace(/\/$/, "");
    const body = await bodyOf(request);
    const line = `${request.method ?? ""} ${key}`;
    requests.push(line);
    const fault = options.fault?.(line);
    if (fault !== undefined && !fault.done) {
      fail(response, fault.status, "Fault");
      return;
    }
    const condition =
      options.ignoresConditions === true ? undefined : request.headers["if-none-match"];
    const done = act(request.method ?? "", key, url, body, condition);
    if (fault === undefined) send(response, done);
    else fail(response, fault.status, "Fault");
  }

  function act(
    method: string,
    key: string,
    url: URL,
    body: Buffer,
    condition: string | undefined,
  ): Answer {
    if (url.searchParams.get("list-type") === "2") return listing(objects, key, url.searchParams);
    if (method === "PUT") {
      if (condition === "*" && objects.has(key)) return { status: 412, code: "PreconditionFailed" };
      objects.set(key, body);
      return { status: 200, body: "" };
    }
    if (method === "DELETE") {
      objects.delete(key);
      return { status: 204, body: "" };
    }
    const found = objects.get(key);
    return found === undefined ? { status: 404, code: "NoSuchKey" } : { status: 200, body: found };
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A server on a port has one.
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    objects,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Answer =
  | { readonly status: number; readonly body: string | Buffer }
  | { readonly status: number; readonly code: string };

function send(response: ServerResponse, answer: Answer): void {
  if ("code" in answer) fail(response, answer.status, answer.code);
  else response.writeHead(answer.status, { etag: '"1"' }).end(answer.body);
}

function fail(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { "content-type": "application/xml" })
    .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`);
}

function listing(
  objects: ReadonlyMap<string, Buffer>,
  bucket: string,
  query: URLSearchParams,
): Answer {
  const prefix = query.get("prefix") ?? "";
  const after = query.get("continuation-token") ?? query.get("start-after") ?? "";
  const keys = [...objects.keys()]
    .filter((path) => path.startsWith(`${bucket}/`))
    .map((path) => path.slice(bucket.length + 1))
    .filter(
      (key) => key.startsWith(prefix) && !key.slice(prefix.length).includes("/") && key > after,
    )
    .sort();
  const page = keys.slice(0, PAGE);
  const last = page.at(-1) ?? "";
  const more = keys.length > PAGE;
  const contents = page.map((key) => `<Contents><Key>${key}</Key></Contents>`).join("");
  const next = more ? `<NextContinuationToken>${last}</NextContinuationToken>` : "";
  const body = `<?xml version="1.0"?><ListBucketResult><IsTruncated>${String(more)}</IsTruncated>${contents}${next}</ListBucketResult>`;
  return { status: 200, body };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
