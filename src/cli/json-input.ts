/**
 * JSON that comes from outside: an argument, a file, stdin, the lines of a JSONL file.
 */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { BatonError } from "../model/errors.ts";
import type { Terminal } from "./terminal.ts";

/** A longer line is refused: reading on would fill the memory before anything could check it. Bytes. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Where a value comes from: text, or a file (`-` is stdin). */
export type JsonSource =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "file"; readonly path: string };

/** What was typed for one value: a file, or an option with the value itself. */
export interface JsonTyped {
  readonly file: string | undefined;
  readonly text: string | undefined;
}

/**
 * Where one value comes from that is in a file or in the text of an option, not in both.
 * @param named for errors: what it is, the option, the command
 * @throws BatonError ARGUMENT_INVALID
 */
export function jsonSource(
  { file, text }: JsonTyped,
  named: { readonly what: string; readonly option: string; readonly command: string },
): JsonSource {
  if (file !== undefined && text === undefined) return { kind: "file", path: file };
  if (file === undefined && text !== undefined) return { kind: "text", text };
  throw new BatonError(
    "ARGUMENT_INVALID",
    `Give the ${named.what} once: a file, \`-\` for stdin, or ${named.option} '{...}'.`,
    { hint: `See \`baton ${named.command} --help\`.` },
  );
}

/**
 * Reads one JSON value.
 * @param what names it in errors: `input`, `payload`.
 * @throws BatonError ARGUMENT_INVALID
 */
export async function readJson(
  terminal: Terminal,
  source: JsonSource,
  what: string,
): Promise<unknown> {
  if (source.kind === "text") return parsed(source.text, `The ${what}`);
  const shown = source.path === "-" ? "stdin" : source.path;
  const chunks: Uint8Array[] = [];
  const stream = source.path === "-" ? terminal.stdin() : fileStream(terminal, source.path);
  for await (const chunk of stream) chunks.push(chunk);
  return parsed(decoded(Buffer.concat(chunks), shown), `The ${what} in ${shown}`);
}

/** One line that isn't blank. `error` says why it can't be used. */
export type JsonLine = { readonly line: number; readonly bytesRead: number } & (
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "malformed"; readonly error: string }
);

/** The lines of a JSONL file, one at a time, however large the file. Blank lines are passed over. */
export async function* readJsonLines(terminal: Terminal, path: string): AsyncGenerator<JsonLine> {
  let line = 0;
  let bytesRead = 0;
  for await (const { bytes, cut } of byteLines(fileStream(terminal, path))) {
    line += 1;
    bytesRead += bytes.length + 1;
    if (cut) {
      yield {
        kind: "malformed",
        line,
        bytesRead,
        error: `longer than ${LINE_BYTES_MAX / 1024 / 1024} MiB`,
      };
      continue;
    }
    try {
      const text = decoded(bytes, "the line").trim();
      if (text !== "") yield { kind: "value", line, bytesRead, value: parsed(text, "the line") };
    } catch (error) {
      yield {
        kind: "malformed",
        line,
        bytesRead,
        error: error instanceof Error ? error.message : String(error),
      };
    }
  }
}

async function* byteLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly cut: boolean }> {
  let parts: Uint8Array[] = [];
  let length = 0;
  const take = (): { readonly bytes: Uint8Array; readonly cut: boolean } => {
    const taken = { bytes: Buffer.concat(parts), cut: length > LINE_BYTES_MAX };
    parts = [];
    length = 0;
    return taken;
  };
  const add = (part: Uint8Array): void => {
    length += part.length;
    if (length <= LINE_BYTES_MAX) parts.push(part);
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, at));
      yield take();
      from = at + 1;
    }
    if (from < chunk.length) add(chunk.subarray(from));
  }
  if (length > 0) yield take();
}

async function* fileStream(terminal: Terminal, path: string): AsyncGenerator<Uint8Array> {
  // A stream's own error would come without saying what the file was for.
  const full = resolve(terminal.cwd, path);
  try {
    const handle = await open(full);
    await handle.close();
    // Without an encoding a file stream gives bytes.
    for await (const chunk of createReadStream(full)) yield chunk as Uint8Array;
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const why =
      { ENOENT: "there is no such file", EACCES: "it may not be read", EISDIR: "it is a folder" }[
        code
      ] ?? code;
    throw new BatonError("ARGUMENT_INVALID", `${path} can't be read: ${why}.`, {
      cause,
      details: { path },
    });
  }
}

function decoded(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new BatonError("ARGUMENT_INVALID", `${what} is not UTF-8.`, { cause });
  }
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BatonError("ARGUMENT_INVALID", `${what} is not JSON: ${why}`, {
      cause,
      hint: "Check it with a JSON formatter.",
    });
  }
}
