/**
 * Consuming a topic of the stream, in its order, from a group's place on.
 *
 * The place is the group's own, kept where the messages' effects are kept; the server keeps none. Each session reads through a
 * consumer of its own, which the server forgets when nobody asks it any more. A durable consumer with acknowledgements would hand
 * the messages of a reader that died to its successor late, and behind newer ones of the same key.
 *
 * C1. Messages are dispatched in the order of the stream. A gap in what the server delivers ends the session.
 * C2. Of a stream that was replaced, or that has lost its end, what is there now is read from where it differs. A position is
 *     kept with the stream that its message was in.
 * C3. A consumer that the server refuses is asked for again, and leaves the session to the others who use it.
 */
import type { ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import { type Dispatcher, dispatcher } from "../../bus/dispatcher.ts";
import { type PlaceWriter, placeWriter } from "../../bus/place-writer.ts";
import type {
  BusContext,
  BusMessage,
  Consumer,
  Consumption,
  PlaceKeeper,
} from "../../ports/bus.ts";
import type { NatsSettings } from "./options.ts";
import type { Session, Sessions } from "./session.ts";
import { streamState } from "./stream.ts";
import { filterOf, orderToken } from "./subjects.ts";
import { fromWire } from "./wire.ts";

const NANOS = 1_000_000;
/** How long the server waits for messages before it says that there are none. */
const FETCH_MS = 10_000;
/** The first pause after a server has refused the consumer of a topic, and the longest. */
const REFUSED_FIRST_MS = 500;
const REFUSED_MAX_MS = 10_000;
/** The server forgets a consumer that nobody has asked for so long. */
const FORGET_MS = 60_000;

/** A message, and the stream in which its position is. */
interface Taken {
  readonly message: BusMessage;
  readonly log: string;
}

/** Why the server has refused the consumer, and after what pause it is asked again. */
interface Refusal {
  readonly message: string;
  readonly pauseMs: number;
}

interface Reading {
  readonly context: BusContext;
  readonly settings: NatsSettings;
  readonly consumption: Consumption;
  readonly keeper: PlaceKeeper;
  readonly writer: PlaceWriter;
  readonly out: Dispatcher<Taken>;
  readonly sessions: Sessions;
  /** Up to where messages were taken, and of which stream; undefined before the first contact. */
  read: number | undefined;
  log: string | undefined;
  fetching: ConsumerMessages | undefined;
  /** By which the server knows the consumer of this session. */
  consumer: string | undefined;
  refusal: Refusal | undefined;
  stopped: boolean;
}

export async function consume(
  context: BusContext,
  settings: NatsSettings,
  sessions: Sessions,
  consumption: Consumption,
): Promise<Consumer> {
  const { clock } = context;
  const { topic, group, inFlightMax, handle } = consumption;
  const keeper = await context.places(group, topic);
  const known = keeper.place();
  const complain = complaints(context, consumption);
  const writer = placeWriter(clock, keeper, (error) =>
    complain(`The place of ${group} in ${topic} was not kept: ${String(error)}`),
  );
  const out = dispatcher<Taken>({
    clock,
    inFlightMax,
    handle: ({ message, log }, position) => handle(message, { position, log }),
    failed: (error, position, pauseMs) =>
      complain(
        `Message ${position} of ${topic} was not handled: ${String(error)} Tried again in ${pauseMs} ms.`,
      ),
    done: (position, { log }) => writer.moved({ position, log }),
  });
  const reading: Reading = {
    context,
    settings,
    consumption,
    keeper,
    writer,
    out,
    sessions,
    read: known?.position,
    log: known?.log,
    fetching: undefined,
    consumer: undefined,
    refusal: undefined,
    stopped: false,
  };
  // One that waits for a session ends with the sessions.
  void readOn(reading);
  return {
    lag: async () => await lagOf(reading),
    underWay: out.size,
    trouble: () => reading.refusal?.message,
    stop: async () => {
      reading.stopped = true;
      reading.fetching?.stop();
      await out.stop();
      await writer.stop();
    },
  };
}

function complaints({ log, clock }: BusContext, { topic, group }: Consumption) {
  return (message: string): void =>
    log({ level: "error", message, at: clock.now(), data: { topic, group } });
}

/** Session after session. */
async function readOn(reading: Reading): Promise<void> {
  while (!reading.stopped) {
    let session: Session;
    try {
      session = await reading.sessions.next();
    } catch {
      // The bus was closed.
      return;
    }
    try {
      await readSession(reading, session);
    } catch (error) {
      if (!reading.stopped) reading.sessions.fail(session, error);
    }
    reading.consumer = undefined;
  }
}

async function readSession(reading: Reading, session: Session): Promise<void> {
  const { consumption, out } = reading;
  const { stream } = reading.settings;
  const { log, start } = await startIn(reading, session);
  if (reading.stopped) return;
  let name: string;
  try {
    name = await addConsumer(reading, session, start);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return await refused(reading, error);
  }
  reading.refusal = undefined;
  reading.consumer = name;
  const consumer = await session.js.consumers.get(stream, name);
  let delivered = 0;
  while (!reading.stopped && !session.connection.isClosed()) {
    const half = Math.ceil(consumption.inFlightMax / 2);
    await out.room(half);
    if (reading.stopped) return;
    const room = consumption.inFlightMax - out.size();
    const fetching = await consumer.fetch({ max_messages: room, expires: FETCH_MS });
    reading.fetching = fetching;
    for await (const message of fetching) {
      if (reading.stopped) return;
      delivered += 1;
      if (message.info.deliverySequence !== delivered)
        throw new Error(`Message ${delivered} of the session is missing.`);
      take(reading, message, log);
    }
  }
}

/** The consumer of this session: its name. */
async function addConsumer(
  { consumption, context, settings }: Reading,
  { jsm }: Session,
  start: Start,
): Promise<string> {
  const { prefix, stream } = settings;
  const { name } = await jsm.consumers.add(stream, {
    ...start,
    ack_policy: "none",
    filter_subject: filterOf({ prefix, namespace: context.namespace, topic: consumption.topic }),
    inactive_threshold: FORGET_MS * NANOS,
    mem_storage: true,
    num_replicas: 1,
  });
  return name;
}

/** Whether the server says no to this very consumer: another session would be told the same, and is the other topics' as well. */
function isRefusal(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if (error.name === "PermissionViolationError") return true;
  // Of the server's own trouble (5xx), and of a stream that is gone (an error of its own), another session may know better.
  const isNo = "status" in error && typeof error.status === "number" && error.status < 500;
  return error.name === "JetStreamApiError" && isNo;
}

/** Told once, until there is a consumer. */
async function refused(reading: Reading, { message }: Error): Promise<void> {
  const { context, consumption, refusal } = reading;
  const { topic, group } = consumption;
  if (refusal === undefined) {
    const what = `${topic} can't be read by ${group}`;
    complaints(context, consumption)(`${what}: ${message}. It is tried again.`);
  }
  const pauseMs = Math.min((refusal?.pauseMs ?? REFUSED_FIRST_MS / 2) * 2, REFUSED_MAX_MS);
  reading.refusal = { message, pauseMs };
  await new Promise<void>((resolve) => context.clock.after(pauseMs, resolve, true));
}

function take(reading: Reading, message: JsMsg, log: string): void {
  const { consumption, out } = reading;
  const { topic, keyOf = ({ key }) => key } = consumption;
  const headers = new Map<string, string>();
  for (const [name, values] of message.headers ?? []) headers.set(name, values[0] ?? "");
  const taken = fromWire(
    topic,
    { headers, payload: message.string() },
    orderToken(message.subject),
  );
  reading.read = message.seq;
  out.take({ message: taken, log }, message.seq, keyOf(taken));
}

type Start =
  | { readonly deliver_policy: "by_start_time"; readonly opt_start_time: string }
  | { readonly deliver_policy: "by_start_sequence"; readonly opt_start_seq: number };

/** Where this session begins: after what was read, or where a new group begins. */
async function startIn(
  reading: Reading,
  { jsm }: Session,
): Promise<{ readonly log: string; readonly start: Start }> {
  const { consumption, keeper, out } = reading;
  const complain = complaints(reading.context, consumption);
  const { topic, from } = consumption;
  const { log, firstSeq, lastSeq } = await streamState(jsm, reading.settings.stream);
  const isOther = reading.log !== undefined && reading.log !== log;
  if (reading.read !== undefined && (isOther || reading.read > lastSeq)) {
    const what = isOther ? "is another one than it was" : `ends at ${lastSeq}`;
    complain(
      `The stream of ${topic} ${what}; it had been read up to ${reading.read}. It is read again from ${isOther ? "its beginning" : "there"}.`,
    );
    // Positions of the old one and of the new are not to be compared.
    await out.room(consumption.inFlightMax);
    reading.read = isOther ? 0 : lastSeq;
    // Before something new is there that the place of before would pass over, in the next process.
    if (!reading.stopped) reading.writer.moved({ position: reading.read, log });
  } else if (reading.read !== undefined && firstSeq > reading.read + 1) {
    complain(
      `The stream begins at ${firstSeq} now, and ${topic} was read up to ${reading.read}: its limits may have dropped events that were not taken.`,
    );
  }
  reading.log = log;
  if (reading.read === undefined) {
    if (from === "now") reading.read = lastSeq;
    else if (from === "beginning") reading.read = 0;
    else {
      const opt_start_time = new Date(from).toISOString();
      return { log, start: { deliver_policy: "by_start_time", opt_start_time } };
    }
    await keeper.keep({ position: reading.read, log });
  }
  const opt_start_seq = reading.read + 1;
  return { log, start: { deliver_policy: "by_start_sequence", opt_start_seq } };
}

async function lagOf({ sessions, settings, consumer, out }: Reading): Promise<number | undefined> {
  const session = sessions.current();
  if (session === undefined || consumer === undefined) return undefined;
  try {
    const { num_pending } = await session.jsm.consumers.info(settings.stream, consumer);
    return num_pending + out.size();
  } catch {
    return undefined;
  }
}
