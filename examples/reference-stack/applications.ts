/** The applications of the example beside this one, and who signs off the borderline ones. */
import { readFileSync } from "node:fs";
import type { Baton } from "baton";
import { approvalSchema } from "../credit-decision/approval.ts";
import type { z } from "zod";
import { applicationSchema } from "../credit-decision/application.ts";
import { answerSignOff } from "../credit-decision/sign-off.ts";

export type ApplicationValue = z.infer<typeof applicationSchema>;

const FILE = new URL("../credit-decision/applications.jsonl", import.meta.url);

/** The first so many that are applications by their form; some of them break a rule. */
export function firstApplications(count: number): readonly ApplicationValue[] {
  const found: ApplicationValue[] = [];
  for (const line of readFileSync(FILE, "utf8").split("\n")) {
    const parsed = applicationSchema.safeParse(parsedLine(line));
    if (parsed.success) found.push(parsed.data);
    if (found.length === count) break;
  }
  return found;
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Answers a sign-off where one is asked for: by the policy, else as Grace, who is careful. Ends with the run. */
export async function signOff(baton: Baton, run: string): Promise<void> {
  for await (const item of baton.watch(run)) {
    if (item.kind !== "entry" || item.entry.kind !== "step.opened") continue;
    if (item.entry.path !== "sign-off") continue;
    const byPolicy = answerSignOff(approvalSchema.parse(item.value));
    await baton.approve(run, "sign-off", {
      approved: byPolicy ?? false,
      by:
        byPolicy === undefined
          ? { kind: "person", id: "grace" }
          : { kind: "program", id: "policy" },
      reason: byPolicy === undefined ? "not without a call" : "by the policy",
    });
  }
}
