/** What `nats()` takes, checked. */
import { type Duration, durationMs } from "../../model/duration.ts";
import { BatonError } from "../../model/errors.ts";
import { parseIsoTime } from "../../model/iso-time.ts";
import type { BusStart } from "../../ports/bus.ts";

/** How to reach NATS, and what its stream is like. */
export interface NatsOptions {
  /** One or several, as `host:port` or `nats://host:port`, without who logs in; `127.0.0.1:4222` if left out. */
  readonly servers?: string | readonly string[];
  /** The JetStream stream that keeps the events: `BATON` if left out. Several deployments share it. */
  readonly stream?: string;
  /** The first token of all subjects: `baton` if left out. */
  readonly prefix?: string;
  /** The topics that cross, both ways; all that code names if left out. */
  readonly topics?: readonly string[];
  /** From where a deployment that is new to the bus takes events: from `"now"` on (the default), from the `"beginning"`, or from an ISO time on. */
  readonly from?: BusStart;
  /** Events in hand for each topic and direction: 256 if left out. */
  readonly inFlight?: number;
  /** Makes the stream where it is not there; true if left out. One that is there is checked, and never changed. */
  readonly create?: boolean;
  /** Of a stream that is made: how long it keeps events. If left out, the longest retention of the topics; without one, for ever. */
  readonly maxAge?: Duration;
  /** Of a stream that is made: for how long NATS recognises an event that is sent twice. Two minutes if left out; takers recognise it always. */
  readonly duplicateWindow?: Duration;
  /** Of a stream that is made: on how many servers it is kept. 1 if left out. */
  readonly replicas?: 1 | 2 | 3 | 4 | 5;
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  /** A credentials file (`.creds`): read whenever a connection is made, so that it may be replaced. */
  readonly credsFile?: string;
  /** TLS: `{}` to insist on it, files for the authority and for this client's certificate. */
  readonly tls?: {
    readonly caFile?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
  };
}

/** The options with their defaults. */
export interface NatsSettings {
  readonly servers: readonly string[];
  readonly stream: string;
  readonly prefix: string;
  readonly create: boolean;
  readonly maxAgeMs: number | undefined;
  readonly duplicateWindowMs: number;
  readonly replicas: number;
  readonly login: Pick<NatsOptions, "user" | "pass" | "token" | "credsFile" | "tls">;
}

const SERVER = "127.0.0.1:4222";
const LOGIN_HINT = "Say who logs in with user and pass, token or credsFile, beside the servers.";
const IN_FLIGHT = 256;
const IN_FLIGHT_MAX = 10_000;
const KNOWN: ReadonlySet<string> = new Set<keyof NatsOptions>([
  "servers",
  "stream",
  "prefix",
  "topics",
  "from",
  "inFlight",
  "create",
  "maxAge",
  "duplicateWindow",
  "replicas",
  "user",
  "pass",
  "token",
  "credsFile",
  "tls",
]);

/** @throws BatonError ARGUMENT_INVALID, DURATION_INVALID */
export function settingsOf(options: NatsOptions): NatsSettings {
  const { servers = SERVER, stream = "BATON", prefix = "baton", create = true } = options;
  const { maxAge, duplicateWindow = "2m", replicas = 1 } = options;
  const { user, pass, token, credsFile, tls } = options;
  const unknown = Object.keys(options).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) refuse(`nats() has no option ${unknown}.`);
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(stream)) refuse(`"${stream}" is not a stream's name.`);
  if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(prefix))
    refuse(`"${prefix}" is not the beginning of a subject.`);
  if (![1, 2, 3, 4, 5].includes(replicas)) refuse(`replicas is ${replicas}; it is 1 to 5.`);
  const list = typeof servers === "string" ? [servers] : servers;
  checkServers(list);
  const login = Object.fromEntries(
    Object.entries({ user, pass, token, credsFile, tls }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  return {
    servers: list,
    stream,
    prefix,
    create,
    maxAgeMs: maxAge === undefined ? undefined : durationMs(maxAge),
    duplicateWindowMs: durationMs(duplicateWindow),
    replicas,
    login,
  };
}

/** The client leaves out who logs in where that stands in an address; and addresses are in the log, in the console and in the journal. */
function checkServers(servers: readonly unknown[]): void {
  if (servers.length === 0) refuse("servers is empty.");
  for (const server of servers) {
    if (typeof server !== "string" || server === "") refuse("A server is no address.");
    // It is not said again: it may hold a password.
    if (server.includes("@")) refuse("A server has an @ in its address.", LOGIN_HINT);
  }
}

/** From where a new deployment takes events. @throws BatonError ARGUMENT_INVALID */
export function startOf({ from = "now" }: NatsOptions): BusStart {
  if (from !== "now" && from !== "beginning" && !isIsoTime(from))
    refuse(`from is "${from}", which is neither now, beginning nor an ISO time with its offset.`);
  return from;
}

function isIsoTime(text: string): boolean {
  try {
    parseIsoTime(text);
    return true;
  } catch {
    return false;
  }
}

/** @throws BatonError ARGUMENT_INVALID */
export function inFlightOf({ inFlight = IN_FLIGHT }: NatsOptions): number {
  if (!Number.isSafeInteger(inFlight) || inFlight < 1 || inFlight > IN_FLIGHT_MAX)
    refuse(`inFlight is ${inFlight}; it takes a whole number from 1 to ${IN_FLIGHT_MAX}.`);
  return inFlight;
}

function refuse(message: string, hint = "See docs/reference/nats.md."): never {
  throw new BatonError("ARGUMENT_INVALID", message, { hint });
}
