/** Kinds of entries that no run's journal has: they stand in streams of their own. */
import type { Fact } from "../model/entry.ts";
import { invariant } from "../model/errors.ts";

/** What applying each to a run does: it throws `INVARIANT_BROKEN`. */
export const NOT_OF_A_RUN = {
  "event.unclaimed": notOfARun,
  "message.refused": notOfARun,
  "subscription.opened": notOfARun,
  "subscription.moved": notOfARun,
  "subscription.paused": notOfARun,
  "subscription.resumed": notOfARun,
  "subscription.rewound": notOfARun,
  "projection.moved": notOfARun,
  "workflow.registered": notOfARun,
  "topic.registered": notOfARun,
  "registry.published": notOfARun,
  "registry.aliased": notOfARun,
  "registry.granted": notOfARun,
  "registry.revoked": notOfARun,
  "registry.owned": notOfARun,
  "breaker.opened": notOfARun,
  "breaker.halfOpened": notOfARun,
  "breaker.closed": notOfARun,
  "budget.reserved": notOfARun,
  "budget.settled": notOfARun,
  "budget.raised": notOfARun,
  "thread.valued": notOfARun,
  "thread.checkpointed": notOfARun,
  "thread.written": notOfARun,
  "thread.deleted": notOfARun,
  "memory.put": notOfARun,
  "memory.removed": notOfARun,
} as const;

function notOfARun(_run: unknown, fact: Fact): void {
  invariant(false, `${fact.kind} stands in a stream of its own, never in a run's.`);
}
