/**
 * Sessions: one connection after the other, each with a stream that was checked.
 *
 * The client's own reconnecting is off: what it would send again by itself after a break could overtake what is sent anew.
 * states: away -> here (connected, stream checked) -> away (closed, or a use of it failed) -> ... ; closed.
 * It is told once when the bus is away, and once when it is back.
 */
import { readFile } from "node:fs/promises";
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { BatonError } from "../../model/errors.ts";
import type { BusContext } from "../../ports/bus.ts";
import type { Driver } from "./driver.ts";
import type { NatsSettings } from "./options.ts";
import { ensureStream } from "./stream.ts";

const CONNECT_TIMEOUT_MS = 5_000;
/** A connection that says nothing is noticed after three of these. */
const PING_MS = 10_000;
/** The first pause before another connection, and the longest. */
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 5_000;
/** A session that lasted so long was a good one: the pauses begin anew. */
const GOOD_MS = 5_000;

export interface Session {
  readonly connection: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly payloadBytesMax: number;
}

export interface Sessions {
  /** The session that is there, or the next. @throws BatonError STORE_CLOSED */
  readonly next: () => Promise<Session>;
  readonly current: () => Session | undefined;
  /** A use of the session failed: another is begun. */
  readonly fail: (session: Session, error: unknown) => void;
  readonly trouble: () => string | undefined;
  readonly close: () => Promise<void>;
}

export function sessions(
  driver: Driver,
  settings: NatsSettings,
  { clock, log, topics, group }: BusContext,
  label: string,
): Sessions {
  let here: Session | undefined;
  let trouble: string | undefined = "It has not been reached yet.";
  let told = false;
  let closed = false;
  let wakePause: () => void = () => {};
  let waiting: { readonly resolve: (session: Session) => void; readonly reject: (e: Error) => void }[] = [];

  const tell = (level: "info" | "warn", message: string) =>
    log({ level, message, at: clock.now(), data: { bus: label } });

  function isAway(error: unknown): void {
    trouble = error instanceof Error ? error.message : String(error);
    if (told || closed) return;
    told = true;
    tell("warn", `${label} can't be used: ${trouble} What is published waits; it is tried again.`);
  }

  function isHere(session: Session): void {
    here = session;
    trouble = undefined;
    if (told) tell("info", `${label} is back.`);
    told = false;
    for (const { resolve } of waiting.splice(0)) resolve(session);
  }

  async function open(): Promise<Session> {
    const connection = await driver.connect({
      ...(await loginOf(driver, settings)),
      servers: [...settings.servers],
      name: `baton ${group}`,
      reconnect: false,
      timeout: CONNECT_TIMEOUT_MS,
      pingInterval: PING_MS,
    });
    try {
      const jsm = await driver.jetstreamManager(connection, { checkAPI: false });
      await ensureStream(jsm, settings, topics);
      const payloadBytesMax = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
      return { connection, js: driver.jetstream(connection), jsm, payloadBytesMax };
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async function keepOpen(): Promise<void> {
    let pauseMs = PAUSE_FIRST_MS;
    while (!closed) {
      const sinceMs = clock.monotonicMs();
      try {
        const session = await open();
        if (closed) return await session.connection.close();
        isHere(session);
        const error = await session.connection.closed();
        here = undefined;
        isAway(trouble ?? error ?? "The connection was closed.");
      } catch (error) {
        isAway(error);
      }
      if (clock.monotonicMs() - sinceMs >= GOOD_MS) pauseMs = PAUSE_FIRST_MS;
      await pause(pauseMs);
      pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS);
    }
  }

  async function pause(ms: number): Promise<void> {
    if (closed) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(ms, resolve, true);
      wakePause = () => {
        cancel();
        resolve();
      };
    });
  }

  const kept = keepOpen();
  return {
    next: async () => {
      if (closed) throw isClosed(label);
      return here ?? (await new Promise((resolve, reject) => waiting.push({ resolve, reject })));
    },
    current: () => here,
    fail: (session, error) => {
      if (here !== session) return;
      here = undefined;
      trouble = error instanceof Error ? error.message : String(error);
      void session.connection.close();
    },
    trouble: () => trouble,
    close: async () => {
      closed = true;
      for (const { reject } of waiting.splice(0)) reject(isClosed(label));
      waiting = [];
      wakePause();
      await here?.connection.close();
      await kept;
    },
  };
}

function isClosed(label: string): BatonError {
  return new BatonError("STORE_CLOSED", `${label} was closed.`);
}

/** Who connects. The file of credentials is read for each connection. */
async function loginOf(driver: Driver, { login }: NatsSettings) {
  const { credsFile, user, pass, token, tls } = login;
  return {
    ...(user === undefined ? {} : { user }),
    ...(pass === undefined ? {} : { pass }),
    ...(token === undefined ? {} : { token }),
    ...(tls === undefined ? {} : { tls }),
    ...(credsFile === undefined
      ? {}
      : { authenticator: driver.credsAuthenticator(await readFile(credsFile)) }),
  };
}
