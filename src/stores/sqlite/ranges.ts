/**
 * What a commit covers, in few bytes: for each range the stream's number, first seq and count, as unsigned LEB128 numbers.
 */
import { BatonError } from "../../model/errors.ts";
import type { Range } from "../group-commit.ts";

/** The bytes of `ranges`. */
export function encodeRanges(ranges: readonly Range[]): Buffer {
  const bytes: number[] = [];
  for (const { no, fromSeq, count } of ranges) {
    pushNumber(bytes, no);
    pushNumber(bytes, fromSeq);
    pushNumber(bytes, count);
  }
  return Buffer.from(bytes);
}

/** The ranges in `bytes`. @throws BatonError `STORE_CORRUPT` if they are not what {@link encodeRanges} gives. */
export function decodeRanges(bytes: Uint8Array): readonly Range[] {
  const numbers: number[] = [];
  let value = 0;
  let weight = 1;
  for (const byte of bytes) {
    value += (byte & 0x7f) * weight;
    weight *= 128;
    if (byte >= 0x80) continue;
    numbers.push(value);
    value = 0;
    weight = 1;
  }
  const whole = weight === 1 && numbers.length % 3 === 0 && numbers.every(Number.isSafeInteger);
  if (!whole) throw new BatonError("STORE_CORRUPT", "The ranges of a commit are damaged.");
  const ranges: Range[] = [];
  for (let i = 0; i < numbers.length; i += 3) {
    ranges.push({ no: numbers[i] ?? 0, fromSeq: numbers[i + 1] ?? 0, count: numbers[i + 2] ?? 0 });
  }
  return ranges;
}

/** Division instead of shifts: shifts work on 32 bits. */
function pushNumber(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}
