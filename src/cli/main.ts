#!/usr/bin/env node
/** The command `baton`. */
import { EXIT } from "./exit-codes.ts";
import { runProgram } from "./program.ts";
import { processTerminal } from "./terminal.ts";

// A reader that had enough (`baton runs | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.failed);
});

const code = await runProgram(process.argv.slice(2), processTerminal());
// What a user's code left open (a connection pool, a timer) must not keep the command from ending; what was printed must get out first.
await Promise.all(
  [process.stdout, process.stderr].map(
    (stream) => new Promise((flushed) => stream.write("", flushed)),
  ),
);
process.exit(code);
