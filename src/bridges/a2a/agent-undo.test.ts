/** What a remote agent is asked to undo is undone once. */
import { expect, it } from "vitest";
import { z } from "zod";
import { openedNow } from "../../../test/support/a2a.ts";
import { taskJson, wireAgent } from "../../../test/support/a2a-wire.ts";
import { journalOf } from "../../../test/support/opened.ts";
import { contract, exponential, workflow } from "../../index.ts";
import { a2aAgent } from "../../a2a.ts";

const Sum = contract("sum", "1.0.0", z.object({ cents: z.int() }));

/** A remote agent that was paid and is to give it back: `stateOf` says how the undoing of a message stands, in an attempt. */
async function undoing(
  stateOf: (undo: { readonly message: string; readonly attempt: number }) => string | Response,
) {
  const undos: string[] = [];
  let cards = 0;
  const remote = await wireAgent(({ id, method, metadata }) => {
    if (metadata["undoes"] !== undefined && !undos.includes(id)) undos.push(id);
    if (!undos.includes(id)) return taskJson(id, "COMPLETED", { cents: 1 });
    if (method === "CancelTask") return taskJson(id, "CANCELED");
    // Each attempt reads the card first, and so did the execution.
    cards = remote.heard.filter((asked) => asked.method === "card").length;
    if (method === "SendMessage") return taskJson(id, "WORKING");
    const state = stateOf({ message: id, attempt: cards - 1 });
    return typeof state === "string" ? taskJson(id, state) : state;
  });
  const payer = a2aAgent({
    name: "payer",
    version: "1.0.0",
    input: Sum,
    output: Sum,
    card: remote.url,
    poll: "10ms",
    undo: { message: () => [{ text: "give it back" }] },
    compensation: {
      retry: { attempts: 5, backoff: exponential("1ms"), final: isAsked },
    },
  });
  const flow = workflow("paying", "1.0.0", { input: Sum })
    .step("pay", payer, { input: ({ input }) => input })
    .output(({ pay }) => pay);
  const baton = await openedNow({ workflows: [flow] });
  const run = await baton.start(flow, { cents: 1 }, { id: "r" });
  await run.result();
  await baton.compensate("r", { by: { kind: "person", id: "ada" }, reason: "wrong" });
  return { remote, baton, run, undos };
}

const isAsked = (error: unknown) => (error as { readonly code?: string }).code === "REMOTE_ASKS";

it("goes on with an undoing that is still at work, and begins no other one beside it", async () => {
  const { run, remote, undos } = await undoing(({ message, attempt }) => {
    // The first one fails; of the second one two attempts can't hear how it stands.
    if (!message.endsWith("-2")) return "FAILED";
    return attempt > 3 ? "COMPLETED" : new Response("", { status: 401 });
  });
  expect(await run.outcome()).toMatchObject({ kind: "compensated" });
  expect(undos).toEqual([undos[0], `${undos[0]}-2`]);
  for (const { headers } of remote.heard)
    expect(headers.get("traceparent")).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});

it("has an undoing cancelled that asks for more, and says what is asked", async () => {
  const { baton, remote, undos } = await undoing(() => "INPUT_REQUIRED");
  for await (const item of baton.watch("r"))
    if (item.kind === "entry" && item.entry.kind === "compensation.failed") {
      expect(item.entry.payload["error"]).toMatchObject({ code: "REMOTE_ASKS" });
      break;
    }
  const cancelled = remote.heard.filter(({ method }) => method === "CancelTask");
  expect(cancelled.map(({ id }) => id)).toEqual([undos[0]]);
  expect(await journalOf(baton, "r")).toContain("compensation.failed pay 1");
});
