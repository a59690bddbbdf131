/** The sign-off: what happens to a case of the borderline band, and the policy that answers for a person in batch mode. */
import type { Approval, Decision } from "./approval.ts";

/** Whether a case needs a person. */
export function isBorderline(approval: Approval): boolean {
  return approval.decision === "review";
}

/** The largest loan (minor units) that the policy may sign off. */
export const POLICY_AMOUNT_MAX = 750_000;

/**
 * The policy of batch mode: signs off small loans with one doubt (true), refuses cases with several (false), and leaves the
 * rest to a person (`undefined`). Hints of fraud are always for a person.
 */
export function answerSignOff(approval: Approval): boolean | undefined {
  if (approval.decision !== "review" || approval.reasons.includes("FRAUD_SIGNALS"))
    return undefined;
  const doubts = approval.reasons.filter((reason) => reason !== "AMOUNT_REDUCED_TO_LIMIT");
  if (doubts.length > 1) return false;
  return approval.terms.amount <= POLICY_AMOUNT_MAX ? true : undefined;
}

/**
 * The final decision. A review that nobody approved is declined: silence never lends money.
 *
 * @param signedOff whether a person (or the policy) approved; false when they refused, did not answer in time or were not asked.
 */
export function settle(approval: Approval, signedOff: boolean): Decision {
  if (approval.decision !== "review") return approval;
  const { grade, reasons, terms } = approval;
  return signedOff
    ? { decision: "approved", grade, reasons: [...reasons, "SIGNED_OFF"], terms }
    : { decision: "declined", grade, reasons: [...reasons, "SIGN_OFF_REFUSED"] };
}
