/** Reading what another process sends, up to a limit: what comes from elsewhere has no size that could be relied on. */

export interface BodyLimit {
  /** In bytes, as they come out of the connection's own compression. */
  readonly bytesMax: number;
  /** What is thrown above it. */
  readonly tooLong: () => Error;
  /** Aborted when nobody wants more of it: what came before is all of it then. */
  readonly enough?: AbortSignal;
}

interface Sent {
  readonly body: ReadableStream<Uint8Array> | null;
}

/** The pieces of a body as they come, as text. @throws what the limit says, and what the connection throws */
export async function* limitedPieces(
  sent: Sent,
  { bytesMax, tooLong, enough }: BodyLimit,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let bytes = 0;
  for await (const piece of piecesOf(sent, enough)) {
    bytes += piece.byteLength;
    if (bytes > bytesMax) throw tooLong();
    yield decoder.decode(piece, { stream: true });
  }
  const rest = decoder.decode();
  if (rest !== "") yield rest;
}

/** By hand, since whoever waits for the next piece in a loop can't be told that nobody wants it. */
async function* piecesOf(
  { body }: Sent,
  enough: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (body === null) return;
  const reader = body.getReader();
  // Ends a read that is under way, and the connection.
  const leave = () => void reader.cancel().catch(() => {});
  enough?.addEventListener("abort", leave);
  if (enough?.aborted === true) leave();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    enough?.removeEventListener("abort", leave);
    leave();
  }
}

/** All of a body. @throws as {@link limitedPieces} */
export async function limitedText(sent: Sent, limit: BodyLimit): Promise<string> {
  const pieces: string[] = [];
  for await (const piece of limitedPieces(sent, limit)) pieces.push(piece);
  return pieces.join("");
}

/**
 * The beginning of a body that is only quoted: what has come up to the limit of bytes, until it is `enough`, or until the connection
 * breaks. Never throws.
 */
export async function bodyBeginning(
  sent: Sent,
  { bytesMax, enough }: Pick<BodyLimit, "bytesMax" | "enough">,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let left = bytesMax;
  try {
    for await (const piece of piecesOf(sent, enough)) {
      text += decoder.decode(piece.subarray(0, left), { stream: true });
      left -= piece.byteLength;
      if (left <= 0) break;
    }
  } catch {
    // What came before is what there is to quote.
  }
  return text;
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
