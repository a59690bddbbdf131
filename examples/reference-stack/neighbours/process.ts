/** The neighbours as a process of their own: says where they are, and ends with whoever started it. */
import { neighbours } from "./neighbours.ts";

const { addresses, close } = await neighbours();
console.log(JSON.stringify(addresses));
process.stdin.resume();
process.stdin.once("end", () => {
  void close().then(() => process.exit(0));
});
