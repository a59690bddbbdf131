/** Reading what another process sends, up to a limit: what comes from elsewhere has no size that could be relied on. */

export interface BodyLimit {
  /** In bytes, as they come out of the connection's own compression. */
  readonly bytesMax: number;
  /** What is thrown above it. */
  readonly tooLong: () => Error;
}

interface Sent {
  readonly body: ReadableStream<Uint8Array> | null;
}

/** The pieces of a body as they come, as text. @throws what the limit says, and what the connection throws */
export async function* limitedPieces(
  { body }: Sent,
  { bytesMax, tooLong }: BodyLimit,
): AsyncGenerator<string, void, undefined> {
  if (body === null) return;
  const decoder = new TextDecoder();
  let bytes = 0;
  // Leaving the loop early, or by an error, cancels the body, and with it the connection.
  for await (const piece of body) {
    bytes += piece.byteLength;
    if (bytes > bytesMax) throw tooLong();
    yield decoder.decode(piece, { stream: true });
  }
  const rest = decoder.decode();
  if (rest !== "") yield rest;
}

/** All of a body. @throws as {@link limitedPieces} */
export async function limitedText(sent: Sent, limit: BodyLimit): Promise<string> {
  const pieces: string[] = [];
  for await (const piece of limitedPieces(sent, limit)) pieces.push(piece);
  return pieces.join("");
}

/** The same answer, for somebody else to read: what it is read by is told where it is too long. */
export function limitedResponse(response: Response, { bytesMax, tooLong }: BodyLimit): Response {
  const { body, status, statusText, headers } = response;
  if (body === null) return response;
  let bytes = 0;
  const counted = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        bytes += chunk.byteLength;
        if (bytes <= bytesMax) controller.enqueue(chunk);
        else controller.error(tooLong());
      },
    }),
  );
  return new Response(counted, { status, statusText, headers });
}
