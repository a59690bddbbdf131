/**
 * Subjects: `<prefix>.<namespace>.<topic>.<key>`, the key always being the last token, so that no topic's subjects are another's:
 * `baton.default.research.found.owls`, and `baton.default.research.found._` for an event without a key.
 */
import { sha256Hex } from "../../journal/hash.ts";

const NO_KEY = "_";
/** A longer key stands in the subject as its hash: subjects travel with every message, and are kept in the server's memory. */
const TOKEN_LENGTH_MAX = 100;

export interface Address {
  readonly prefix: string;
  readonly namespace: string;
  readonly topic: string;
}

export function subjectOf(address: Address, key: string | undefined): string {
  return `${stem(address)}.${key === undefined ? NO_KEY : keyToken(key)}`;
}

/** Finds the messages of a topic, and of no other. */
export function filterOf(address: Address): string {
  return `${stem(address)}.*`;
}

/** What the last token says of the order of a message: that of a key, whatever it is; undefined where there is none. */
export function orderToken(subject: string): string | undefined {
  const last = subject.slice(subject.lastIndexOf(".") + 1);
  return last === NO_KEY ? undefined : last;
}

/** The dots of a topic's name are those of the subject. */
function stem({ prefix, namespace, topic }: Address): string {
  return `${prefix}.${token(namespace)}.${topic}`;
}

function keyToken(key: string): string {
  if (key === "" || key === NO_KEY) return `~${sha256Hex(key).slice(0, 32)}`;
  const encoded = token(key);
  return encoded.length > TOKEN_LENGTH_MAX ? `~${sha256Hex(key).slice(0, 32)}` : encoded;
}

/** One token: what has a meaning in subjects, and what is not ASCII, is percent-encoded. */
function token(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[.*~]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
