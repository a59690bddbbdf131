/**
 * What the lab assumes, in one place, each with its reason. Nothing here was fitted to a result: change one and look.
 *
 * What makes the outage last is in the bureau alone: a call that is no longer waited for is still worked on, and a
 * bureau that has just come up answers slowly until it had some peace to load its cache.
 */
export interface Parameters {
  /** Between two runs: about ten a second, a third of what the bureau can do. */
  readonly arrivalGapMs: Range;
  /** How long the bureau works on one report on a good day. */
  readonly workMs: Range;
  /** One commit, of a row in (a) or of an append in Baton. */
  readonly writeMs: number;

  /** Reports that the bureau works on at a time. */
  readonly workers: number;
  /** Calls that wait in the bureau until it runs out of memory and is killed: ten for each worker. */
  readonly queueMax: number;
  /** From the kill until it takes calls again: a container that is scheduled, started and checked. */
  readonly restartMs: number;
  /** So many times as long a report takes while its cache is empty: it reads the disk. */
  readonly coldFactor: number;
  /** Time with half its workers idle that the bureau needs to load its cache; what it serves meanwhile comes first. */
  readonly warmUpMs: number;

  /** What starts it all. It ends by itself, and nothing of it is left. */
  readonly incident: Incident;

  /** The caller's side, the same in all variants. Calls under way at a time: three times the bureau's workers, which a good day never needs. */
  readonly callsAtOnce: number;
  /** Six times what the bureau takes on a good day. */
  readonly timeoutMs: number;
  /** Calls of one run, the first included. With the pauses below a run keeps trying for a minute and a half. */
  readonly attempts: number;
  /** The pause after the first call that failed. It doubles, up to the longest, and up to half of it is taken off at random. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;

  /** The breaker: Baton's defaults. */
  readonly breakerFailures: number;
  readonly cooldownMs: number;
  readonly probes: number;

  /** By how many points the score on file, which stands in while the breaker is open, is off: people's scores change. */
  readonly scoreOff: Range;
}

/**
 * `slow`: reports take so many times as long. `refuses`: connections are refused, as while a new release is rolled out.
 * `killed`: it dies at once, and comes up again with its cache empty; then there is no length.
 */
export interface Incident {
  readonly kind: "slow" | "refuses" | "killed";
  readonly startMs: number;
  readonly lengthMs: number;
  readonly factor: number;
}

/** Whole numbers from `low` to `high`, both included, each as likely. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export const PARAMETERS: Parameters = {
  arrivalGapMs: { low: 50, high: 150 },
  workMs: { low: 200, high: 400 },
  writeMs: 5,
  workers: 10,
  queueMax: 100,
  restartMs: 8_000,
  coldFactor: 4,
  warmUpMs: 10_000,
  // Somebody runs a report on the bureau's database for twenty seconds.
  incident: { kind: "slow", startMs: 20_000, lengthMs: 20_000, factor: 10 },
  callsAtOnce: 30,
  timeoutMs: 2_000,
  attempts: 10,
  firstPauseMs: 500,
  longestPauseMs: 30_000,
  breakerFailures: 5,
  cooldownMs: 30_000,
  probes: 1,
  scoreOff: { low: -60, high: 60 },
};

/** Something else in the place of the outage: the bureau's machine is gone, once. */
export const KILLED: Incident = { kind: "killed", startMs: 20_000, lengthMs: 0, factor: 1 };

/** A hiccup in its place: nothing falls over, and the breaker is of no use. It shows what a breaker costs. */
export const HICCUP: Incident = { kind: "refuses", startMs: 20_000, lengthMs: 3_000, factor: 1 };

/** From this score on a customer gets the loan. */
export const SCORE_NEEDED = 620;
