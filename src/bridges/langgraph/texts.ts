/** The texts of pieces: whole ones as they are, others read or put together, each checked by its hash. */
import { arrivedEntry } from "../../history/read.ts";
import { sha256Hex } from "../../journal/hash.ts";
import { BatonError } from "../../model/errors.ts";
import type { Opened } from "./opened.ts";
import { type Piece, withDifference } from "./piece.ts";

export interface Texts {
  /** @throws BatonError JOURNAL_BROKEN */
  of(stream: string, piece: Piece): Promise<string>;
}

/** Texts that are in memory, in UTF-16 code units: the newest of a few threads, which the next checkpoints are differences to. */
const REMEMBERED_LENGTH_MAX = 16 * 1024 * 1024;

export function pieceTexts(opened: () => Opened): Texts {
  // Pieces are made anew whenever a thread is read again, so that one that is no longer in use is forgotten in time.
  const remembered = new Map<Piece, string>();
  let length = 0;

  function remember(piece: Piece, text: string): void {
    remembered.set(piece, text);
    length += text.length;
    for (const [oldest, { length: freed }] of remembered) {
      if (length <= REMEMBERED_LENGTH_MAX || oldest === piece) return;
      remembered.delete(oldest);
      length -= freed;
    }
  }

  async function of(stream: string, piece: Piece): Promise<string> {
    if (piece.body.kind === "whole") return piece.body.text;
    const known = remembered.get(piece);
    if (known !== undefined) {
      remembered.delete(piece);
      remembered.set(piece, known);
      return known;
    }
    const text =
      piece.body.kind === "apart"
        ? await textApart(opened(), stream, piece.place[0])
        : withDifference(await of(stream, piece.body.of), piece.body);
    if (piece.sha256 !== sha256Hex(text)) {
      const [seq] = piece.place;
      throw new BatonError(
        "JOURNAL_BROKEN",
        `A value in entry ${seq} of ${stream} is not what its hash says.`,
        {
          details: { stream, seq },
        },
      );
    }
    remember(piece, text);
    return text;
  }

  return { of };
}

async function textApart(
  { store, namespace }: Opened,
  stream: string,
  seq: number,
): Promise<string> {
  const [stored] = await store.read({ namespace, stream }, seq, 1);
  if (stored?.seq !== seq)
    throw new BatonError("JOURNAL_BROKEN", `Entry ${seq} of ${stream} is missing.`);
  const { value } = await arrivedEntry(store, { ...stored, namespace, stream });
  if (typeof value === "string") return value;
  throw new BatonError("JOURNAL_BROKEN", `Entry ${seq} of ${stream} has no text.`);
}
