/** Which seeds are tried: fresh ones each day, or those that the environment names. */
export interface Seeds {
  readonly from: number;
  readonly count: number;
}

/** `BATON_SIM_FROM` and `BATON_SIM_SEEDS`; else `count` seeds that begin with the date, so that every day tries others. */
export function seedsOf(count: number): Seeds {
  const from = process.env["BATON_SIM_FROM"];
  const seeds = process.env["BATON_SIM_SEEDS"];
  const day = Number(new Date().toISOString().slice(0, 10).replaceAll("-", ""));
  return { from: from === undefined ? day * 100 : Number(from), count: Number(seeds ?? count) };
}
