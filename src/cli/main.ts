#!/usr/bin/env node
/** The command `baton`. */
import { EXIT } from "./exit-codes.ts";
import { runProgram } from "./program.ts";
import { type Output, processTerminal } from "./terminal.ts";

const terminal = processTerminal();
const code = await runProgram(process.argv.slice(2), terminal);
// What was printed must get out first.
await flushed(process.stdout);
const lost = lostBy(terminal.stdout);
if (lost !== undefined) terminal.stderr.write(`error: stdout could not be written: ${lost}\n`);
await flushed(process.stderr);
// What a user's code left open (a connection pool, a timer) must not keep the command from ending.
process.exit(code === EXIT.ok && lost !== undefined ? EXIT.failed : code);

function flushed(stream: NodeJS.WriteStream): Promise<unknown> {
  return new Promise((done) => stream.write("", done));
}

/** Why what was printed got nowhere. A reader that had enough (`baton runs | head`) is no reason; a disk that is full is one. */
function lostBy({ closed }: Output): string | undefined {
  if (!closed.aborted) return undefined;
  const { code, message }: NodeJS.ErrnoException = closed.reason;
  // The second comes of a pipe that is a socket, and was closed with something in it.
  return code === "EPIPE" || code === "ECONNRESET" ? undefined : message;
}
