/** Fresh names: a data file's must be nobody else's, in whatever process. */
import { uuidv7 } from "uuidv7";

export function freshName(): string {
  return uuidv7();
}
