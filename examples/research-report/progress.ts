/** How far the questions of a way have come: on a terminal, and nowhere else. */
import type { Way } from "./ways.ts";

interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** @param of how many questions there are. */
export function progressOn(output: Output, way: Way, of: number): (done: number) => void {
  if (output.isTTY !== true) return () => undefined;
  return (done) => void output.write(`\r${way}  ${done}/${of}${done === of ? "\n" : ""}`);
}
