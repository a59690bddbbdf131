/** What the lab assumes, in one place, each with its reason. Nothing here was fitted to a result: change one and look. */
export interface Parameters {
  /** One call of an outside service. */
  readonly callMs: Range;
  /** One commit, of a row or of an append in Baton. */
  readonly writeMs: number;
  /** After so long without an answer a call is given up. */
  readonly timeoutMs: number;

  /** In one go, while a customer or a message waits; the pause doubles. */
  readonly attempts: number;
  readonly firstPauseMs: number;
  /** A queue delivers a message again if it was not taken: after so long, so many times in all. Usual settings. */
  readonly deliveredAgainMs: number;
  readonly deliveries: number;
  /** Baton has no queue behind it. So many attempts, with pauses of at most so long, are as patient as the queue: about two minutes. */
  readonly batonAttempts: number;
  readonly longestPauseMs: number;

  /** A process that died is there again after so long. */
  readonly restartMs: number;
  /** Without a queue it is the customer who tries again, from the page with the error: so many of a hundred, after so long. */
  readonly comesBackPercent: number;
  readonly comesBackMs: number;

  /** How long the carrier is away in one scenario, and no slot is free in another: longer than one go, shorter than two minutes. */
  readonly awayMs: number;
  /** How long refunds, or answers to a charge, fail to come: longer than anybody's patience. */
  readonly longAwayMs: number;

  /** Minor units. */
  readonly amount: Range;
  /** Whether the payment provider takes idempotency keys. All serious ones do. */
  readonly paymentKeys: boolean;
}

/** Whole numbers from `low` to `high`, both included, each as likely. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export const PARAMETERS: Parameters = {
  callMs: { low: 80, high: 400 },
  writeMs: 5,
  timeoutMs: 2_000,
  attempts: 3,
  firstPauseMs: 200,
  deliveredAgainMs: 30_000,
  deliveries: 5,
  batonAttempts: 12,
  longestPauseMs: 30_000,
  restartMs: 2_000,
  comesBackPercent: 50,
  comesBackMs: 60_000,
  awayMs: 20_000,
  longAwayMs: 600_000,
  amount: { low: 1_000, high: 50_000 },
  paymentKeys: true,
};
