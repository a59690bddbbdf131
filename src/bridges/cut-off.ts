/** Connections that are kept open are closed by the other side now and then, also in the moment in which something is asked on one. */

const CUT_OFF: ReadonlySet<unknown> = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);

function wasCutOff(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && CUT_OFF.has(cause.code);
}

/** Asks what may be asked twice, once more where the connection was cut off before there was an answer. @throws what `ask` throws */
export async function askedAgain<X>(ask: () => Promise<X>): Promise<X> {
  try {
    return await ask();
  } catch (error) {
    if (!wasCutOff(error)) throw error;
    return await ask();
  }
}
