/** What a step does while its remote agent can't be reached, and what becomes of the task that it leaves. */
import { expect, it } from "vitest";
import { z } from "zod";
import { openedNow } from "../../../test/support/a2a.ts";
import { type TaskJson, taskJson, wireAgent } from "../../../test/support/a2a-wire.ts";
import { journalOf } from "../../../test/support/opened.ts";
import { contract, type Duration, exponential, workflow } from "../../index.ts";
import { a2aAgent, type A2aAgentOptions } from "../../a2a.ts";

const Sum = contract("sum", "1.0.0", z.object({ cents: z.int() }));
type Options = Partial<A2aAgentOptions<{ cents: number }, { cents: number }>>;

/** A task that takes long, and how the looks at it are answered, the nth by `looked(n)`. */
async function followed(
  looked: (no: number, id: string) => TaskJson | Response,
  { deadline, ...options }: Options & { readonly deadline?: Duration } = {},
) {
  let looks = 0;
  const remote = await wireAgent(({ id, method }) => {
    if (method === "CancelTask") return taskJson(id, "CANCELED");
    if (method !== "GetTask") return taskJson(id, "WORKING");
    looks += 1;
    return looked(looks, id);
  });
  const slow = a2aAgent({
    name: "slow",
    version: "1.0.0",
    input: Sum,
    output: Sum,
    card: remote.url,
    poll: "5ms",
    retry: { attempts: 1 },
    ...options,
  });
  const flow = workflow("waiting", "1.0.0", { input: Sum })
    .step("work", slow, {
      input: ({ input }) => input,
      ...(deadline === undefined ? {} : { deadline }),
    })
    .output(({ work }) => work);
  const baton = await openedNow({ workflows: [flow] });
  const run = await baton.start(flow, { cents: 1 }, { id: "r" });
  return { outcome: await run.outcome(), remote, baton };
}

const down = (): Response => new Response("", { status: 503, headers: { "retry-after": "0" } });

it("goes on after outages that are short, however many they are, with the attempt that it has", async () => {
  const { outcome, baton, remote } = await followed((no, id) => {
    if (no > 30) return taskJson(id, "COMPLETED", { cents: 7 });
    return no % 5 === 0 ? taskJson(id, "WORKING") : down();
  });
  expect(outcome).toMatchObject({ kind: "completed", output: { cents: 7 } });
  const journal = await journalOf(baton, "r");
  expect(journal.filter((line) => line.startsWith("attempt.failed"))).toEqual([]);
  expect(remote.heard.map(({ method }) => method)).not.toContain("CancelTask");
});

it("has the task cancelled where an outage lasts longer than the last attempt", async () => {
  const { outcome, remote, baton } = await followed(
    (no, id) => (no === 1 ? taskJson(id, "WORKING") : down()),
    { retry: { attempts: 2, backoff: exponential("1ms") } },
  );
  expect(outcome).toMatchObject({ kind: "failed", error: { code: "REMOTE_UNAVAILABLE" } });
  const journal = await journalOf(baton, "r");
  expect(journal.filter((line) => line.startsWith("attempt.failed"))).toHaveLength(2);
  const methods = remote.heard.map(({ method }) => method);
  expect(methods.filter((each) => each === "GetTask")).toHaveLength(11);
  expect(methods.filter((each) => each === "CancelTask")).toHaveLength(1);
  expect(methods.filter((each) => each === "SendMessage")).toHaveLength(1);
});

it("has the task cancelled after an error that is final", async () => {
  const { outcome, remote } = await followed(() => new Response("", { status: 401 }), {
    retry: { attempts: 3 },
  });
  expect(outcome).toMatchObject({ kind: "failed", error: { code: "CREDENTIALS_REFUSED" } });
  expect(remote.heard.at(-1)?.method).toBe("CancelTask");
});

it("has the task cancelled where a deadline passes before the last attempt", async () => {
  const { outcome, remote } = await followed((_, id) => taskJson(id, "WORKING"), {
    deadline: "300ms",
    retry: { attempts: 3 },
  });
  expect(outcome).toMatchObject({ kind: "failed", error: { code: "DEADLINE_EXCEEDED" } });
  expect(remote.heard.at(-1)?.method).toBe("CancelTask");
});
