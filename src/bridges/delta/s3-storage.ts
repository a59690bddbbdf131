/** Tables in a bucket of S3, or of a store that speaks its protocol. */
import type * as S3 from "@aws-sdk/client-s3";
import { type Duration, durationMs } from "../../model/duration.ts";
import { BatonError } from "../../model/errors.ts";
import { TIMER_MAX_MS } from "../../ports/machine-timer.ts";
import { loadPackage } from "../packages.ts";
import { type DeltaStorage, storageError } from "./storage.ts";
import { freshName } from "./table-ids.ts";

export interface DeltaBucketOptions {
  readonly bucket: string;
  /** What the names of all objects begin with, without a slash at its ends; nothing if left out. */
  readonly prefix?: string;
  /** Of a store that is not Amazon's: `http://127.0.0.1:9000`. Buckets are then part of the path. */
  readonly endpoint?: string;
  /** As the SDK finds it if left out: the environment, the shared configuration. */
  readonly region?: string;
  /** As the SDK finds them if left out: the environment, the shared configuration, the machine's role. */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** How long the store may be silent in the middle of a request before that has failed; `1m` if left out. A slow transfer is no silence. */
  readonly timeout?: Duration;
}

type Sdk = typeof S3;

interface Connection {
  readonly sdk: Sdk;
  readonly client: S3.S3Client;
}

const DEFAULT_TIMEOUT: Duration = "1m";
/** A store that is there takes a connection sooner. */
const CONNECT_MS_MAX = 5_000;

/** 409: somebody else puts the same object at this moment. Who was first is known when it is tried again. */
const CONFLICTS_MAX = 20;

/**
 * A bucket. Put-if-absent is a put with `If-None-Match: *`; a store that takes no notice of it is refused before anything is
 * committed, because two writers would overwrite each other there.
 * @throws BatonError `ARGUMENT_INVALID`, `DURATION_INVALID`
 */
export function deltaBucket(options: DeltaBucketOptions): DeltaStorage {
  const { bucket, prefix = "" } = options;
  const label = `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`;
  const keyOf = (path: string): string => (prefix === "" ? path : `${prefix}/${path}`);
  const requests = bucketRequests(options, timeoutMsOf(options), label);
  let proved: Promise<void> | undefined;

  async function prove(): Promise<void> {
    const key = keyOf(`.baton-put-if-absent-${freshName()}`);
    const bytes = new TextEncoder().encode("Written to see that nothing is overwritten.");
    await requests.putIfAbsent(key, bytes);
    const second = await requests.putIfAbsent(key, bytes);
    await requests.remove(key);
    if (second === "exists") return;
    throw new BatonError(
      "TABLE_UNSUITABLE",
      `${label} overwrites objects that were to be put only if they are absent (If-None-Match: *).`,
      { hint: "Use a store that has conditional writes, or a folder." },
    );
  }

  return {
    label,
    read: (path) => requests.get(keyOf(path)),
    list: (folder, after) => requests.list(`${keyOf(folder)}/`, after),
    async create(path, bytes) {
      proved ??= prove();
      try {
        await proved;
      } catch (error) {
        // It may have been the network: asked again next time.
        proved = undefined;
        throw error;
      }
      return await requests.putIfAbsent(keyOf(path), bytes);
    },
    replace: (path, bytes) => requests.put(keyOf(path), bytes),
    remove: (path) => requests.remove(keyOf(path)),
  };
}

interface BucketRequests {
  get(key: string): Promise<Uint8Array | undefined>;
  /** What follows `start` in the names of objects, up to the next slash. */
  list(start: string, after: string | undefined): Promise<readonly string[]>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  putIfAbsent(key: string, bytes: Uint8Array): Promise<"created" | "exists">;
  remove(key: string): Promise<void>;
}

function timeoutMsOf({ timeout = DEFAULT_TIMEOUT }: DeltaBucketOptions): number {
  const timeoutMs = Math.min(durationMs(timeout), TIMER_MAX_MS);
  if (timeoutMs >= 1) return timeoutMs;
  throw new BatonError("ARGUMENT_INVALID", "The timeout of a bucket leaves no time.", {
    hint: `Leave it out, or write for example ${DEFAULT_TIMEOUT}.`,
    details: { timeout },
  });
}

function bucketRequests(
  options: DeltaBucketOptions,
  timeoutMs: number,
  label: string,
): BucketRequests {
  const { bucket: Bucket } = options;
  let connection: Promise<Connection> | undefined;

  async function connected<X>(
    what: string,
    work: (connection: Connection) => Promise<X>,
  ): Promise<X> {
    connection ??= connect(options, timeoutMs);
    const open = await connection;
    try {
      return await work(open);
    } catch (error) {
      throw storageError(error, `Could not ${what} in ${label}`);
    }
  }

  return {
    get: (Key) =>
      connected(`read ${Key}`, async ({ sdk, client }) => {
        try {
          const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket, Key }));
          return await Body?.transformToByteArray();
        } catch (error) {
          if (statusOf(error) === 404 && nameOf(error) !== "NoSuchBucket") return undefined;
          throw error;
        }
      }),
    list: (start, after) =>
      connected(`list ${start}`, (open) => listed(open, Bucket, start, after)),
    put: (Key, Body) =>
      connected(`write ${Key}`, async ({ sdk, client }) => {
        await client.send(new sdk.PutObjectCommand({ Bucket, Key, Body }));
      }),
    putIfAbsent: (Key, Body) =>
      connected(`create ${Key}`, async ({ sdk, client }) => {
        for (let conflict = 0; ; conflict += 1) {
          try {
            await client.send(new sdk.PutObjectCommand({ Bucket, Key, Body, IfNoneMatch: "*" }));
            return "created";
          } catch (error) {
            const status = statusOf(error);
            if (status === 412) return "exists";
            if (status !== 409 || conflict >= CONFLICTS_MAX) throw error;
          }
        }
      }),
    remove: (Key) =>
      connected(`remove ${Key}`, async ({ sdk, client }) => {
        await client.send(new sdk.DeleteObjectCommand({ Bucket, Key }));
      }),
  };
}

async function listed(
  { sdk, client }: Connection,
  Bucket: string,
  start: string,
  after: string | undefined,
): Promise<readonly string[]> {
  const names: string[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(
      new sdk.ListObjectsV2Command({
        Bucket,
        Prefix: start,
        Delimiter: "/",
        ...(token === undefined ? {} : { ContinuationToken: token }),
        ...(after === undefined ? {} : { StartAfter: `${start}${after}` }),
      }),
    );
    for (const { Key } of page.Contents ?? [])
      if (Key !== undefined && Key !== start) names.push(Key.slice(start.length));
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
  return names.sort();
}

async function connect(
  { endpoint, region, credentials }: DeltaBucketOptions,
  timeoutMs: number,
): Promise<Connection> {
  const sdk = await loadPackage(
    "Tables in a bucket",
    "@aws-sdk/client-s3",
    () => import("@aws-sdk/client-s3"),
  );
  const client = new sdk.S3Client({
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials }),
    // The SDK sets no limit by itself: a store that takes a request and never answers would be waited for without an end.
    requestHandler: {
      connectionTimeout: Math.min(timeoutMs, CONNECT_MS_MAX),
      socketTimeout: timeoutMs,
    },
    // Other stores than Amazon's do not all know its newer checksums.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  return { sdk, client };
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return undefined;
  const { $metadata: metadata } = error;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata))
    return undefined;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}
