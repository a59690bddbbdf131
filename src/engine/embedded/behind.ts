/** What an attempt had to do with what stands around it, told with its outcome. */
import type { Behind } from "../../decide/call.ts";
import type { Command } from "../../decide/turn.ts";
import type { AdmissionMark } from "../../model/admission.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import { sha256Hex } from "../../journal/hash.ts";
import type { BreakerMark } from "../../model/breaker.ts";
import type { UsageRecord } from "../../model/entry.ts";
import type { Core } from "./core.ts";

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

/** What is told of an attempt that was begun, however it ended. */
export function told({
  core,
  command,
  context,
  startedMs,
}: {
  readonly core: Pick<Core, "clock" | "tellInput">;
  readonly command: Pick<Execute, "input">;
  readonly context: { readonly usage: readonly UsageRecord[] } | undefined;
  readonly startedMs: number;
}): {
  readonly inputHash: string;
  readonly tookMs: number;
  readonly usage?: readonly UsageRecord[];
} {
  const usage = context?.usage ?? [];
  const text = canonicalJson(command.input);
  const inputHash = sha256Hex(text);
  core.tellInput?.(inputHash, text);
  const tookMs = Math.round(core.clock.monotonicMs() - startedMs);
  return { inputHash, tookMs, ...(usage.length === 0 ? {} : { usage }) };
}
