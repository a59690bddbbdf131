/** What the compiler knows of an agent out of a prompt. */
import { z } from "zod";
import { type Agent, contract, workflow } from "../../index.ts";
import { promptAgent } from "./prompt-agent.ts";
import type { PromptModel } from "./prompt-options.ts";

declare const model: PromptModel;
const Ticket = contract("ticket", "1.0.0", z.object({ text: z.string() }));
const Verdict = contract("verdict", "1.0.0", z.object({ sure: z.boolean() }));
const base = { name: "asks", version: "1.0.0", input: Ticket, output: Verdict, model };

export const asks: Agent<{ text: string }, { sure: boolean }> = promptAgent({
  ...base,
  system: ({ text }) => text,
  prompt: ({ text }) => [{ role: "user", content: text }],
  compensate: (input, output) => [input.text, output.sure],
});

promptAgent({
  ...base,
  // @ts-expect-error The input has no title.
  prompt: ({ title }) => title,
});
// @ts-expect-error A name does not say who is asked.
promptAgent({ ...base, prompt: () => "?", model: "acme-1" });
// @ts-expect-error What a model is asked has no function of its own.
promptAgent({ ...base, prompt: () => "?", execute: () => ({ sure: true }) });
// @ts-expect-error Without `compensateUnknown` there is an output.
promptAgent({ ...base, prompt: () => "?", compensateUnknown: true });

workflow("flow", "1.0.0", { input: Ticket })
  .step("ask", asks, { input: ({ input }) => input })
  // @ts-expect-error The verdict has no label.
  .output(({ ask }) => ask.label);
