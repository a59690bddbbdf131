/** The ids of runs that events begin. */
import { sha256Hex } from "../journal/hash.ts";
import type { IntakeRecord } from "../model/event-facts.ts";
import type { TopicEvent } from "./topic-events.ts";

/** What tells an event from others of its correlation: longer ones are told by their hash. */
const WHICH_LENGTH_MAX = 60;

/**
 * Under the correlation id, so that all that belongs to it is found together; the rest tells which event of it, and how often
 * the subscription has been gone over. No two events of one subscription have the same.
 */
export function runIdFor(
  name: string,
  { generation }: Pick<IntakeRecord, "generation">,
  { correlation, facts: { id } }: Pick<TopicEvent, "correlation" | "facts">,
): string {
  // No name has a tilde, and all that tells events apart begins with a sign that no number has.
  const again = generation === 0 ? "" : `~${generation}`;
  return `${correlation}/${name}${again}${whichOf(correlation, id)}`;
}

function whichOf(correlation: string, id: string): string {
  if (id === correlation) return "";
  const rest = id.startsWith(correlation) ? id.slice(correlation.length) : "";
  // Of the run that the correlation began with: `@` and the place of its entry.
  if (/^@\d+$/.test(rest)) return rest;
  // An id from outside has neither of these signs.
  const isPlain = id.length <= WHICH_LENGTH_MAX && !/[@/#]/.test(id);
  return `:${isPlain ? id : `@${sha256Hex(id).slice(0, 32)}`}`;
}
