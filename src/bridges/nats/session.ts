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

interface State {
  readonly driver: Driver;
  readonly settings: NatsSettings;
  readonly context: BusContext;
  readonly label: string;
  here: Session | undefined;
  trouble: string | undefined;
  /** Whether it was told that the bus is away. */
  told: boolean;
  closed: boolean;
  wakePause: () => void;
  waiting: {
    readonly resolve: (session: Session) => void;
    readonly reject: (error: Error) => void;
  }[];
}

export function sessions(
  driver: Driver,
  settings: NatsSettings,
  context: BusContext,
  label: string,
): Sessions {
  const state: State = {
    driver,
    settings,
    context,
    label,
    here: undefined,
    trouble: "It has not been reached yet.",
    told: false,
    closed: false,
    wakePause: () => {},
    waiting: [],
  };
  const kept = keepOpen(state);
  return {
    next: async () => {
      if (state.closed) throw isClosed(label);
      return (
        state.here ??
        (await new Promise((resolve, reject) => state.waiting.push({ resolve, reject })))
      );
    },
    current: () => state.here,
    fail: (session, error) => {
      if (state.here !== session) return;
      state.here = undefined;
      state.trouble = messageOf(error);
      void session.connection.close();
    },
    trouble: () => state.trouble,
    close: async () => {
      state.closed = true;
      for (const { reject } of state.waiting.splice(0)) reject(isClosed(label));
      state.wakePause();
      await state.here?.connection.close();
      await kept;
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function tell({ context, label }: State, level: "info" | "warn", message: string): void {
  context.log({ level, message, at: context.clock.now(), data: { bus: label } });
}

function isAway(state: State, error: unknown): void {
  state.trouble = messageOf(error);
  if (state.told || state.closed) return;
  state.told = true;
  const what = `${state.label} can't be used (${state.trouble})`;
  tell(state, "warn", `${what}: what is published waits, and it is tried again.`);
}

function isHere(state: State, session: Session): void {
  state.here = session;
  state.trouble = undefined;
  if (state.told) tell(state, "info", `${state.label} is back.`);
  state.told = false;
  for (const { resolve } of state.waiting.splice(0)) resolve(session);
}

async function openSession({ driver, settings, context }: State): Promise<Session> {
  const connection = await driver.connect({
    ...(await loginOf(driver, settings)),
    servers: [...settings.servers],
    name: `baton ${context.group}`,
    reconnect: false,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_MS,
  });
  try {
    const jsm = await driver.jetstreamManager(connection, { checkAPI: false });
    await ensureStream(jsm, settings, context.topics);
    const payloadBytesMax = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
    return { connection, js: driver.jetstream(connection), jsm, payloadBytesMax };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** One session after the other, until all is closed. */
async function keepOpen(state: State): Promise<void> {
  const { clock } = state.context;
  let pauseMs = PAUSE_FIRST_MS;
  while (!state.closed) {
    const sinceMs = clock.monotonicMs();
    try {
      const session = await openSession(state);
      if (state.closed) return await session.connection.close();
      isHere(state, session);
      const error = await session.connection.closed();
      state.here = undefined;
      isAway(state, state.trouble ?? error ?? "The connection was closed.");
    } catch (error) {
      isAway(state, error);
    }
    if (clock.monotonicMs() - sinceMs >= GOOD_MS) pauseMs = PAUSE_FIRST_MS;
    await pause(state, pauseMs);
    pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS);
  }
}

async function pause(state: State, ms: number): Promise<void> {
  if (state.closed) return;
  await new Promise<void>((resolve) => {
    const cancel = state.context.clock.after(ms, resolve, true);
    state.wakePause = () => {
      cancel();
      resolve();
    };
  });
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
