/**
 * Pieces: serialized values as a thread's journal keeps them, each only as far as it is new.
 *
 * A piece is whole, or stands in an entry of its own, or is the difference to an earlier piece. Differences are found in the
 * serialized text, so that they need to know nothing of lists, messages or serializers: what a list that has grown, or an
 * object of which one field was changed, has in common with the one before is its beginning and its end.
 */
import { sha256Hex } from "../../journal/hash.ts";
import type { Json, JsonObject } from "../../model/json.ts";

/** A value as its serializer gave it: bytes that are no text are in base64. */
export interface Serialized {
  readonly type: string;
  readonly text: string;
  readonly base64: boolean;
}

/** Where a piece stands: the entry's seq, and which of its pieces it is. */
export type Place = readonly [seq: number, no: number];

export interface Piece {
  readonly place: Place;
  readonly type: string;
  readonly base64: boolean;
  /** SHA-256 of the text, of pieces that are not short. */
  readonly sha256?: string;
  /** How many versions lie between it and the whole one that it goes back to. */
  readonly age: number;
  readonly body: PieceBody;
}

export type PieceBody =
  | { readonly kind: "whole"; readonly text: string }
  /** Its text is the value of the entry at its place, and is read when it is asked for. */
  | { readonly kind: "apart" }
  | {
      readonly kind: "difference";
      readonly of: Piece;
      /** Of that piece's text, so much of the beginning and of the end, in UTF-16 code units; `text` stands between. */
      readonly start: number;
      readonly end: number;
      readonly text: string;
    };

/** Texts up to this are kept whole: a difference would not be shorter by much. */
export const SHORT_LENGTH_MAX = 256;
/** Longer whole texts stand in an entry of their own, so that they are not in memory with the thread, and are kept once. */
export const WHOLE_LENGTH_MAX = 4_096;
/**
 * Of eight versions in a row, seven are differences to the one before, or nearly so; the eighth to that of eight before; and so
 * on. So a thousand versions are no more than 28 differences away from a whole text, and none has to be kept whole again.
 */
const STRIDE = 8;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What a serializer gave, as text. */
export function serialized(type: string, bytes: Uint8Array): Serialized {
  try {
    return { type, text: UTF8.decode(bytes), base64: false };
  } catch {
    return { type, text: Buffer.from(bytes).toString("base64"), base64: true };
  }
}

/** The bytes that a serializer gave. */
export function bytesOf({ text, base64 }: Pick<Serialized, "text" | "base64">): Uint8Array {
  // A copy: what a Buffer shows of its pool is not for others.
  return new Uint8Array(Buffer.from(text, base64 ? "base64" : "utf8"));
}

/** By what two pieces of a thread are recognised as the same: a short one's text, else its hash. */
export function contentKey({ type, base64, text }: Serialized): string {
  const content = text.length <= SHORT_LENGTH_MAX ? text : sha256Hex(text);
  return `${base64 ? "base64" : "text"}\n${type}\n${content}`;
}

export interface Difference {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What `after` has between the beginning and the end that it has in common with `before`. */
export function differenceOf(before: string, after: string): Difference {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before.charCodeAt(start) === after.charCodeAt(start)) start += 1;
  // A character of two code units is not cut in two: half of one is no text that a journal takes.
  if (start > 0 && isHighSurrogate(after.charCodeAt(start - 1))) start -= 1;
  let end = 0;
  const rest = most - start;
  while (
    end < rest &&
    before.charCodeAt(before.length - 1 - end) === after.charCodeAt(after.length - 1 - end)
  )
    end += 1;
  if (end > 0 && isLowSurrogate(after.charCodeAt(after.length - end))) end -= 1;
  return { start, end, text: after.slice(start, after.length - end) };
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** The text that a difference makes of the one that it was taken to. */
export function withDifference(before: string, { start, end, text }: Difference): string {
  return before.slice(0, start) + text + before.slice(before.length - end);
}

/** The earlier piece to which the version after `previous` is kept as a difference. */
export function baseFor(previous: Piece): Piece {
  const age = previous.age + 1;
  let span = 1;
  while (age % (span * STRIDE) === 0) span *= STRIDE;
  let base = previous;
  while (base.age > age - span && base.body.kind === "difference") base = base.body.of;
  return base;
}

/** A piece in an entry's payload: as it is, or the place of one that is the same. */
export function storedDifference(
  base: Piece,
  age: number,
  difference: Difference,
  sha256: string,
): JsonObject {
  return { of: [...base.place], age, sha256, ...difference };
}

export function storedWhole({ type, text, base64 }: Serialized): JsonObject {
  return {
    type,
    text,
    ...(base64 ? { base64 } : {}),
    ...(text.length > SHORT_LENGTH_MAX ? { sha256: sha256Hex(text) } : {}),
  };
}

export function storedPlace(place: Place): JsonObject {
  return { same: [...place] };
}

/** What an entry says of a piece; which of the forms it is, is seen by its fields. */
interface StoredPiece {
  readonly same?: Place;
  readonly of?: Place;
  readonly age?: number;
  readonly sha256?: string;
  readonly type?: string;
  readonly text?: string;
  readonly base64?: boolean;
  readonly start?: number;
  readonly end?: number;
}

/**
 * The piece that an entry has at `place`. `find` gives the earlier pieces of the thread.
 * Undefined where it is none, or refers to one that is not there.
 */
export function readPiece(
  stored: Json | undefined,
  place: Place,
  find: (place: Place) => Piece | undefined,
): Piece | undefined {
  if (typeof stored !== "object" || stored === null || Array.isArray(stored)) return undefined;
  // The entry's hash was checked, and the forms are those that are written above; each field is looked at before it is used.
  const { same, of, age, sha256, type, text, base64, start, end } = stored as StoredPiece;
  if (same !== undefined) return find(same);
  const hash = sha256 === undefined ? {} : { sha256 };
  if (text === undefined) return undefined;
  if (of === undefined) {
    if (type === undefined) return undefined;
    return { place, type, base64: base64 === true, ...hash, age: 0, body: { kind: "whole", text } };
  }
  const base = find(of);
  if (base === undefined || start === undefined || end === undefined) return undefined;
  const body = { kind: "difference", of: base, start, end, text } as const;
  return { place, type: base.type, base64: base.base64, ...hash, age: age ?? base.age + 1, body };
}
