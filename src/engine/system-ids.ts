import { uuidv7 } from "uuidv7";
import type { Ids } from "../ports/ids.ts";

/** UUIDv7 (RFC 9562), and the machine's own chance. */
export const systemIds: Ids = {
  runId: () => uuidv7(),
  random: () => Math.random(),
};
