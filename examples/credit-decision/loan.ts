/** The arithmetic of an instalment loan. */

/**
 * The equal monthly instalment that pays back `amount` over `termMonths` at `ratePoints`, in whole minor units, rounded up.
 *
 * @param loan amount in minor units, yearly rate in basis points (590 is 5.90%). The power is built by multiplication, which
 * gives the same bits on every machine; `Math.pow` need not.
 */
export function instalment(loan: {
  readonly amount: number;
  readonly termMonths: number;
  readonly ratePoints: number;
}): number {
  if (loan.ratePoints === 0) return Math.ceil(loan.amount / loan.termMonths);
  const monthly = loan.ratePoints / 120_000;
  let growth = 1;
  for (let month = 0; month < loan.termMonths; month += 1) growth *= 1 + monthly;
  return Math.ceil((loan.amount * monthly * growth) / (growth - 1));
}
