/** What the tests of graphs share: a state, a context of which a turn uses a part, and a run that is waited for. */
import { Annotation } from "@langchain/langgraph";
import { type AgentContext, type Baton, contract } from "baton";
import { z } from "zod";

export const Question = contract("question", "1.0.0", z.object({ text: z.string() }));
export const Answer = contract("answer", "1.0.0", z.object({ log: z.array(z.string()) }));

export const State = Annotation.Root({
  text: Annotation<string>,
  log: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
});

/** A context of which a turn uses these. */
export function idle(): AgentContext {
  const context = { signal: new AbortController().signal, usage() {}, stream() {}, heartbeat() {} };
  return context as unknown as AgentContext;
}

/** Resolves once the run waits at a step. */
export async function waiting(baton: Baton, step: string): Promise<void> {
  const stop = new AbortController();
  for await (const item of baton.watch("r", { signal: stop.signal })) {
    if (item.kind !== "entry" || item.entry.kind !== "step.opened" || item.entry.path !== step)
      continue;
    stop.abort();
    return;
  }
  throw new Error(`The run has ended before ${step}.`);
}
