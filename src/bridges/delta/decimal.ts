/** Decimals as Parquet keeps them: a whole number, and how many of its digits stand behind the point. */
import Big from "big.js";

const SCALE = 18;

/** The whole number that stands for a decimal text with 18 digits behind the point; further digits are rounded. */
export function unscaled(text: string): bigint {
  return BigInt(new Big(text).times(new Big(10).pow(SCALE)).round(0, Big.roundHalfEven).toFixed(0));
}

/** The decimal text of bytes in two's complement, without zeros at its end. */
export function decimalText(bytes: Uint8Array, scale: number): string {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  const whole = BigInt.asIntN(bytes.length * 8, value);
  return new Big(whole.toString()).div(new Big(10).pow(scale)).toFixed();
}
