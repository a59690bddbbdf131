/**
 * Text for people: values, times and lengths of time, safe to print.
 */
import type { Json } from "../model/json.ts";

/**
 * Text with control characters made visible. Run ids, reasons and values come from outside: printed raw, an escape sequence
 * in one could recolour, overwrite or hide lines of an audit.
 */
export function printable(text: string): string {
  // C0, DEL, C1, and the marks that reorder text.
  return text.replace(
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => {
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    },
  );
}

/** At most `charactersMax` characters, the last one "…" where something was cut off. */
export function clip(text: string, charactersMax: number): string {
  return text.length <= charactersMax
    ? text
    : `${text.slice(0, Math.max(0, charactersMax - 1)).trimEnd()}…`;
}

/** A value on one line. */
export function compact(value: Json | undefined, charactersMax = Number.POSITIVE_INFINITY): string {
  return value === undefined ? "-" : clip(printable(JSON.stringify(value)), charactersMax);
}

/** A value over several lines, indented by `indent` spaces. */
export function pretty(value: Json, indent = 0): string {
  const pad = " ".repeat(indent);
  return JSON.stringify(value, undefined, 2)
    .split("\n")
    .map((line) => pad + printable(line))
    .join("\n");
}

/** A moment (milliseconds since 1970) in UTC: `2026-05-01 09:30:00Z`. */
export function moment(atMs: number): string {
  const date = new Date(atMs);
  if (Number.isNaN(date.getTime())) return String(atMs);
  return `${date.toISOString().slice(0, 19).replace("T", " ")}Z`;
}

/** The time of day of a moment, with milliseconds: `09:30:00.123`. */
export function timeOfDay(atMs: number): string {
  const date = new Date(atMs);
  return Number.isNaN(date.getTime()) ? String(atMs) : date.toISOString().slice(11, 23);
}

/** A length of time: `12 ms`, `3.4 s`, `5 min`, `2.0 h`, `3.5 d`. */
export function took(lengthMs: number): string {
  if (lengthMs < 1_000) return `${Math.round(lengthMs)} ms`;
  if (lengthMs < 60_000) return `${(lengthMs / 1_000).toFixed(1)} s`;
  if (lengthMs < 3_600_000) return `${Math.round(lengthMs / 60_000)} min`;
  if (lengthMs < 86_400_000) return `${(lengthMs / 3_600_000).toFixed(1)} h`;
  return `${(lengthMs / 86_400_000).toFixed(1)} d`;
}

/** `1 run`, `2 runs`, `1,200 entries`. */
export function count(n: number, noun: string): string {
  const plural = noun.endsWith("y") ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${n.toLocaleString("en-US")} ${n === 1 ? noun : plural}`;
}
