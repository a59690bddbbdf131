/** Workflows that are served in tests. */
import { agent, type Baton, contract, memory, open, type OpenOptions, workflow } from "baton";
import { responsesAgent, type ResponsesAgentOptions } from "baton/databricks";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { servedAt } from "./served-agent.ts";

export const Applicant = contract(
  "applicant",
  "1.0.0",
  z.object({ name: z.string(), income: z.int().min(0) }),
);
const Grade = contract("grade", "1.0.0", z.object({ grade: z.string() }));
export const ADA = { name: "Ada", income: 4_200 };

const grade = agent({
  name: "grade",
  version: "1.0.0",
  input: Applicant,
  output: Grade,
  retry: { attempts: 2, backoff: { baseMs: 0, factor: 1, maxMs: 0, jitter: 0 } },
  execute: ({ name, income }, { usage, stream, attempt }) => {
    stream(`try ${attempt}: `);
    stream("looking");
    usage({ model: "m", inputTokens: 10, outputTokens: income > 4_000 ? 3 : 1 });
    if (name === "Eve") throw new TypeError("Eve's file at /secret/eve is gone.");
    if (name === "Bob" && attempt === 1) throw new Error("Again.");
    return { grade: income > 4_000 ? "A" : "B" };
  },
});

export const rating = workflow("rating", "1.0.0", { input: Applicant, output: Grade })
  .step("grade", grade, { input: ({ input }) => input })
  .output(({ grade: given }) => given);

export const asked = workflow("asked", "1.0.0", { input: Applicant })
  .step("grade", grade, { input: ({ input }) => input })
  .approval("consent", {
    needs: ["grade"],
    show: ({ grade: given }) => given,
    timeout: "24h",
    onTimeout: "refused",
  })
  .output(({ grade: given }) => given);

export const text = contract("text", "1.0.0", z.string());
const shout = agent({
  name: "shout",
  version: "1.0.0",
  input: text,
  output: text,
  execute: async (said, { stream }) => {
    for (const letter of said.toUpperCase()) stream(letter);
    return said.toUpperCase();
  },
});
export const shouting = workflow("shouting", "1.0.0", { input: text, output: text })
  .step("shout", shout, { input: ({ input }) => input })
  .output(({ shout: loud }) => loud);

/** Baton with all of them, closed when the test is over. */
export async function openedBaton(options: Partial<OpenOptions> = {}): Promise<Baton> {
  const opened = await open({ store: memory(), workflows: [rating, asked, shouting], ...options });
  onTestFinished(() => opened.close({ graceMs: 0 }));
  return opened;
}

type Options = ResponsesAgentOptions<typeof ADA, { grade: string }>;

/** Baton, and the address at which `rating` is served. */
export async function rated(
  options: Options = {},
): Promise<{ readonly baton: Baton; readonly url: string }> {
  const opened = await openedBaton();
  const url = await servedAt(responsesAgent(opened, rating, options));
  return { baton: opened, url };
}

/** A request with one message of the user. */
export function message(content: unknown): {
  readonly input: readonly { readonly role: "user"; readonly content: unknown }[];
} {
  return { input: [{ role: "user", content }] };
}

/** Until the run waits for somebody. */
export async function waiting(opened: Baton, run: string): Promise<void> {
  for (;;) {
    const report = await opened.report(run).catch(() => undefined);
    if (report?.status === "waiting") return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
