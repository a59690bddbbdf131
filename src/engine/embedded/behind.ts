/** What an attempt had to do with what stands around it, told with its outcome. */
import type { Behind } from "../../decide/call.ts";
import type { Command } from "../../decide/turn.ts";
import type { AdmissionMark } from "../../model/admission.ts";
import type { BreakerMark } from "../../model/breaker.ts";

type Execute = Extract<Command, { readonly kind: "execute" }>;

export interface Marked {
  /** What it came to, or which budget refused it. */
  budgeted: Pick<Behind, "spent" | "budget"> | undefined;
  /** Why the registry did not allow it. */
  admission: AdmissionMark | undefined;
}

/** What is told of breakers, fallbacks, budgets and the registry with an outcome; nothing for most. */
export function behindOf(
  { agent, standsIn }: Pick<Execute, "agent" | "standsIn">,
  breaker: BreakerMark | undefined,
  { budgeted, admission }: Partial<Marked> = {},
): { readonly behind?: Behind } {
  const isPlain = budgeted === undefined && admission === undefined;
  if (breaker === undefined && standsIn === undefined && isPlain) return NOTHING_BEHIND;
  return {
    behind: {
      ...budgeted,
      ...(admission === undefined ? {} : { admission }),
      ...(breaker === undefined ? {} : { breaker }),
      ...(standsIn === undefined ? {} : { fallback: { ...standsIn, agent } }),
    },
  };
}

const NOTHING_BEHIND = {};
