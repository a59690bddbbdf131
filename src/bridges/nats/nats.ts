/** The bus of NATS JetStream, behind the port. Events lie in one stream; see subjects.ts for where, and wire.ts for how. */
import { BatonError } from "../../model/errors.ts";
import type { Bus, BusContext, BusFactory, BusMessage, Consumer } from "../../ports/bus.ts";
import { consume } from "./consumption.ts";
import { type Driver, loadDriver } from "./driver.ts";
import { inFlightOf, type NatsOptions, type NatsSettings, settingsOf, startOf } from "./options.ts";
import { type Sessions, sessions } from "./session.ts";
import { subjectOf } from "./subjects.ts";
import { toWire } from "./wire.ts";

const ACK_TIMEOUT_MS = 5_000;
/** What the server adds to a message's headers, at most. */
const ENVELOPE_BYTES = 1_024;

/**
 * A bus over NATS JetStream (a server of 2.9 or later), for `open({ bus, group })`. Events are CloudEvents 1.0 in the binary mode.
 * The server may be away when it is opened, and later.
 *
 * @example const baton = await open({ store, workflows, bus: nats({ servers: "nats:4222" }), group: "orders" });
 * @throws BatonError ARGUMENT_INVALID, DURATION_INVALID
 */
export function nats(options: NatsOptions = {}): BusFactory {
  const settings = settingsOf(options);
  return Object.freeze({
    ...(options.topics === undefined ? {} : { topics: options.topics }),
    from: startOf(options),
    inFlightMax: inFlightOf(options),
    open: async (context: BusContext) => openBus(await loadDriver(), settings, context),
  });
}

function openBus(driver: Driver, settings: NatsSettings, context: BusContext): Bus {
  const label = `nats:${settings.servers.join(",")}/${settings.stream}`;
  const all = sessions(driver, settings, context, label);
  const consumers: Consumer[] = [];
  return {
    label,
    publish: async (messages) => {
      const last = new Map<string, Promise<void>>();
      const send = (message: BusMessage) => publish(driver, settings, context, all, message);
      // What has no answer yet may be there or not: the next of its key must not overtake it.
      await Promise.all(
        messages.map((message) => {
          const { key } = message;
          if (key === undefined) return send(message);
          const sent = (last.get(key) ?? Promise.resolve()).then(() => send(message));
          last.set(key, sent);
          return sent;
        }),
      );
    },
    consume: async (consumption) => {
      const consumer = await consume(context, settings, all, consumption);
      consumers.push(consumer);
      return consumer;
    },
    trouble: all.trouble,
    close: async () => {
      const stopped = consumers.map((consumer) => consumer.stop());
      await all.close();
      await Promise.all(stopped);
    },
  };
}

/** Sends until the server has said that it has the message. @throws BatonError VALUE_TOO_LARGE, STORE_CLOSED */
async function publish(
  driver: Driver,
  settings: NatsSettings,
  { namespace }: BusContext,
  all: Sessions,
  message: BusMessage,
): Promise<void> {
  const { headers: attributes, payload } = toWire(message);
  const { prefix, stream } = settings;
  const subject = subjectOf({ prefix, namespace, topic: message.topic }, message.key);
  const headers = driver.headers();
  let bytes = Buffer.byteLength(payload) + ENVELOPE_BYTES;
  for (const [name, value] of attributes) {
    headers.set(name, value);
    bytes += name.length + value.length + 4;
  }
  // The same event has the same, and no other has: ids are unique for their source only.
  const msgID = `${attributes.get("ce-source") ?? ""} ${attributes.get("ce-id") ?? ""}`;
  for (;;) {
    const session = await all.next();
    if (bytes > session.payloadBytesMax) throw tooLarge(message, session.payloadBytesMax);
    try {
      const expect = { streamName: stream };
      await session.js.publish(subject, payload, {
        headers,
        msgID,
        expect,
        timeout: ACK_TIMEOUT_MS,
      });
      return;
    } catch (error) {
      if (isTooLarge(error)) throw tooLarge(message, bytes - 1, error);
      // Another session is tried: the log has one line of it, and not one for each message.
      all.fail(session, error);
    }
  }
}

/** The stream has a limit of its own for the size of a message. */
function isTooLarge(error: unknown): boolean {
  return error instanceof Error && /message size exceeds/i.test(error.message);
}

function tooLarge({ topic, attributes }: BusMessage, max: number, cause?: unknown): BatonError {
  const message = `Event ${attributes["id"] ?? ""} of ${topic} is larger than the bus takes (${max} bytes).`;
  return new BatonError("VALUE_TOO_LARGE", message, {
    hint: "Publish a reference to what is large, or raise max_payload of the server and max_msg_size of the stream.",
    ...(cause === undefined ? {} : { cause }),
  });
}
