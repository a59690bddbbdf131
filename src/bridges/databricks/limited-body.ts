/** Reading what another process sends, up to a limit: what comes from elsewhere has no size that could be relied on. */
import { BatonError } from "../../model/errors.ts";

/** The pieces of a body as they come, as text. @throws BatonError VALUE_TOO_LARGE; what the connection throws */
export async function* limitedPieces(
  body: ReadableStream<Uint8Array> | null,
  bytesMax: number,
  what: string,
): AsyncGenerator<string, void, undefined> {
  if (body === null) return;
  const decoder = new TextDecoder();
  let bytes = 0;
  // Leaving the loop early, or by an error, cancels the body, and with it the connection.
  for await (const piece of body) {
    bytes += piece.byteLength;
    if (bytes > bytesMax) throw tooLong(what, bytesMax);
    yield decoder.decode(piece, { stream: true });
  }
  const rest = decoder.decode();
  if (rest !== "") yield rest;
}

/** All of a body. @throws as {@link limitedPieces} */
export async function limitedText(
  { body }: { readonly body: ReadableStream<Uint8Array> | null },
  bytesMax: number,
  from: string,
): Promise<string> {
  const pieces: string[] = [];
  for await (const piece of limitedPieces(body, bytesMax, from)) pieces.push(piece);
  return pieces.join("");
}

export function tooLong(what: string, bytesMax: number): BatonError {
  return new BatonError(
    "VALUE_TOO_LARGE",
    `What the ${what} sends has more than ${bytesMax} bytes, which is the limit.`,
    { details: { bytesMax } },
  );
}
