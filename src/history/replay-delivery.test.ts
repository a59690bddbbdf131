import {
  agent,
  all,
  type Baton,
  choreography,
  contract,
  on,
  type RecordedEntry,
  type ReplayDifference,
  type Subscription,
  to,
  topic,
  type Workflow,
  workflow,
} from "baton";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { verifyText } from "../../tools/verify-journal.mjs";
import { replay } from "./replay.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { ADA, opened } from "../../test/support/opened.ts";

const Finding = contract(
  "finding",
  "1.0.0",
  z.object({ text: z.string(), confidence: z.number() }),
);
type Found = { readonly text: string; readonly confidence: number };
const Asked = topic("asked", Finding);
const Sought = topic("sought", Finding);
const Checked = topic("checked", Finding);
const Written = topic("written", Finding);
const Failed = topic("failed", Finding);
const Keyed = topic("keyed", Finding, { key: ({ text }) => text.slice(0, 1) });

const acting = (name: string, version = "1.0.0", attempts = 1) =>
  agent({
    name,
    version,
    input: Finding,
    output: Finding,
    retry: { attempts },
    compensate: () => {},
    execute: ({ text, confidence }) => {
      if (text.startsWith("broken")) throw new Error("broken");
      return { text: `${text} ${name}`, confidence };
    },
  });
const research = acting("research");
const check = acting("check");
const writing = acting("writing");
const sure = {
  "confidence is at least 0.7": ({ event }: { readonly event: Found }) => event.confidence >= 0.7,
};
const frame = { starts: Asked, ends: Written, deadline: "10m" } as const;
const both = all({ sought: Sought, checked: Checked });
const joined = ({
  sought,
  checked,
}: {
  sought: Found | undefined;
  checked: Found | undefined;
}) => ({
  text: `${sought?.text}+${checked?.text}`,
  confidence: 1,
});
const chain = choreography("chain", "1.0.0", {
  ...frame,
  subscriptions: {
    research: on(Asked, research, { publishes: Sought }),
    writing: on(Sought, writing, { requires: sure, publishes: Written }),
  },
});
const deep = workflow("deep", "1.0.0", { input: Finding })
  .step("one", research, { input: ({ input }) => input })
  .output(({ one }) => one);
const OWLS = { text: "owls", confidence: 0.9 };
const REASON = { by: ADA, reason: "to see" };

/** Recorded under one definition, replayed under another of the same name. */
async function replayed(
  first: Workflow<Found, unknown>,
  then: Workflow<Found, unknown> = first,
  input: Found = OWLS,
  meanwhile: (baton: Baton) => Promise<unknown> = async () => {},
): Promise<readonly ReplayDifference[]> {
  const { baton, clock } = await opened({ workflows: [first, deep] });
  await clock.until(baton.start(first, input, { id: "r" }));
  await clock.settle();
  await clock.until(meanwhile(baton));
  await clock.settle();
  let text = "";
  for await (const line of baton.export("r")) text += line;
  expect(verifyText(text).problems).toEqual([]);
  const entries: RecordedEntry[] = [];
  for await (const entry of baton.entries("r")) entries.push(entry);
  // What is started is the definition that the engine executes.
  return replay(entries, then as unknown as WorkflowDefinition).differences;
}

const changed = (parts: {
  readonly [name: string]: Subscription<"asked" | "sought", "sought" | "written" | "checked">;
}) =>
  choreography("chain", "1.0.0", {
    ...frame,
    subscriptions: {
      research: on(Asked, research, { publishes: Sought }),
      writing: on(Sought, writing, { requires: sure, publishes: Written }),
      ...parts,
    },
  });

describe("promise 8: replay of a choreography", () => {
  type Case = readonly [
    name: string,
    definition: Workflow<Found, unknown>,
    input?: Found,
    meanwhile?: (baton: Baton) => Promise<unknown>,
  ];
  const honest: readonly Case[] = [
    ["a chain", chain],
    ["a delivery that waits for a person", chain, { text: "vague", confidence: 0.1 }],
    [
      "a delivery that was discarded",
      chain,
      { text: "broken", confidence: 1 },
      (baton) => baton.resolveStep("r", "research#1", { action: "fail", ...REASON }),
    ],
    [
      "a delivery that was done by hand",
      chain,
      { text: "broken", confidence: 1 },
      (baton) => baton.resolveStep("r", "research#1", { action: "done", output: OWLS, ...REASON }),
    ],
    [
      "deliveries that are passed over",
      choreography("passed", "1.0.0", {
        starts: Asked,
        subscriptions: {
          research: on(Asked, research, { publishes: Sought }),
          never: on(Sought, check, { when: () => false }),
          refused: on(Sought, check, { requires: { no: () => false }, onRefused: "skip" }),
        },
      }),
    ],
    [
      "a delivery that fails the run",
      choreography("fails", "1.0.0", {
        starts: Asked,
        subscriptions: {
          research: on(Asked, acting("risky", "1.0.0", 2), { onFailure: "fail" }),
        },
      }),
      { text: "broken", confidence: 1 },
    ],
    [
      "a refusal that fails the run",
      choreography("refuses", "1.0.0", {
        starts: Asked,
        subscriptions: { research: on(Asked, research, { requires: sure, onRefused: "fail" }) },
      }),
      { text: "vague", confidence: 0 },
    ],
    [
      "events that are gathered",
      choreography("gathered", "1.0.0", {
        ...frame,
        subscriptions: {
          research: on(Asked, research, { publishes: Sought }),
          check: on(Asked, check, { publishes: Checked }),
          writing: on(both, writing, { input: joined, within: "1m", publishes: Written }),
        },
      }),
    ],
    [
      "a gathering that goes on without",
      choreography("without", "1.0.0", {
        ...frame,
        subscriptions: {
          research: on(Asked, research, { publishes: Sought }),
          check: on(Asked, check, { when: () => false, publishes: Checked }),
          writing: on(both, writing, {
            input: joined,
            within: "1m",
            onMissing: "goOn",
            publishes: Written,
          }),
        },
      }),
    ],
    [
      "a gathering that fails the run",
      choreography("not-without", "1.0.0", {
        ...frame,
        subscriptions: {
          research: on(Asked, research, { publishes: Sought }),
          check: on(Asked, check, { when: () => false, publishes: Checked }),
          writing: on(both, writing, { input: joined, within: "1m", publishes: Written }),
        },
      }),
    ],
    [
      "events with a key",
      choreography("keyed", "1.0.0", {
        starts: Asked,
        subscriptions: {
          research: on(Asked, research, {
            publishes: [
              to(Keyed, ({ text }) => ({ text: `a ${text}`, confidence: 1 })),
              to(Keyed, ({ text }) => ({ text: `a and ${text}`, confidence: 1 })),
              to(Keyed, () => undefined),
            ],
          }),
          check: on(Keyed, check),
        },
      }),
    ],
    [
      "a loop that is cut",
      choreography("loop", "1.0.0", {
        starts: Asked,
        hops: 3,
        subscriptions: { echo: on(Asked, research, { publishes: Asked }) },
      }),
    ],
    [
      "a failure event and what it takes back",
      choreography("saga", "1.0.0", {
        starts: Asked,
        failsOn: Failed,
        subscriptions: {
          research: on(Asked, research, { publishes: Sought }),
          writing: on(Sought, writing, { publishes: Failed }),
        },
      }),
    ],
    [
      "a subscription that starts a workflow",
      choreography("nested", "1.0.0", {
        ...frame,
        subscriptions: { research: on(Asked, deep, { publishes: Written }) },
      }),
    ],
    [
      "an end that never comes",
      choreography("endless", "1.0.0", {
        ...frame,
        subscriptions: {
          research: on(Asked, research, { publishes: to(Written, () => undefined) }),
        },
      }),
    ],
    [
      "a workflow that publishes and awaits",
      workflow("both", "1.0.0", { input: Finding })
        .emit("said", Asked, { data: ({ input }) => input })
        .awaitEvent("heard", Asked, { needs: ["said"], timeout: "1h" })
        .awaitEvent("unheard", Failed, { timeout: "1h", onTimeout: "skip" })
        .output(({ heard }) => heard),
    ],
  ];

  for (const [name, definition, input, meanwhile] of honest) {
    test(`finds nothing in an honest journal: ${name}`, async () => {
      expect(await replayed(definition, definition, input, meanwhile)).toEqual([]);
    });
  }

  const research2 = acting("research", "1.1.0");
  const dishonest: readonly (readonly [string, Workflow<Found, unknown>, object])[] = [
    [
      "another input mapping",
      changed({
        writing: on(Sought, writing, {
          requires: sure,
          input: ({ event }) => ({ ...event, text: "x" }),
          publishes: Written,
        }),
      }),
      { seq: 4, path: "writing#3", what: "inputHash" },
    ],
    [
      "another requirement",
      changed({
        writing: on(Sought, writing, { requires: { no: () => false }, publishes: Written }),
      }),
      { seq: 4, path: "writing#3", what: "requirement" },
    ],
    [
      "other data in what is published",
      changed({
        research: on(Asked, research, {
          publishes: to(Sought, (output) => ({ ...output, text: "x" })),
        }),
      }),
      { seq: 3, path: "research#1", what: "event" },
    ],
    [
      "another agent",
      changed({ research: on(Asked, research2, { publishes: Sought }) }),
      { seq: 2, path: "research#1", what: "agent", today: "research@1.1.0" },
    ],
    [
      "another topic",
      changed({ writing: on(Asked, writing, { publishes: Written }) }),
      { seq: 4, path: "writing#3", what: "step" },
    ],
    [
      "something more that is published",
      changed({ research: on(Asked, research, { publishes: [Sought, Checked] }) }),
      { seq: 2, path: "research#1", what: "event", today: "checked" },
    ],
    [
      "something less that is published",
      choreography("chain", "1.0.0", {
        ...frame,
        subscriptions: {
          research: on(Asked, research, { publishes: to(Sought, () => undefined) }),
          writing: on(Sought, writing, { requires: sure, publishes: Written }),
        },
      }),
      { seq: 3, path: "research#1", what: "event", recorded: "sought" },
    ],
    [
      "a subscription that is gone",
      choreography("chain", "1.0.0", {
        ...frame,
        subscriptions: { research: on(Asked, research, { publishes: [Sought, Written] }) },
      }),
      { seq: 4, path: "writing#3", what: "step" },
    ],
    [
      "a subscription that is new",
      choreography("chain", "1.0.0", {
        ...frame,
        subscriptions: {
          research: on(Asked, research, { publishes: Sought }),
          writing: on(Sought, writing, { requires: sure, publishes: Written }),
          check: on(Sought, check),
        },
      }),
      { seq: 6, path: "check#3", what: "step" },
    ],
    [
      "a limit",
      choreography("chain", "1.0.0", {
        ...frame,
        hops: 1,
        subscriptions: {
          research: on(Asked, research, { publishes: Sought }),
          writing: on(Sought, writing, { requires: sure, publishes: Written }),
        },
      }),
      { seq: 5, path: "writing#3", what: "event" },
    ],
  ];
  test.each(dishonest)("finds %s", async (_, today, difference) => {
    expect(await replayed(chain, today)).toContainEqual(expect.objectContaining(difference));
  });

  test("finds another policy of a delivery that could not be handled", async () => {
    const parked = { text: "vague", confidence: 0 };
    const today = changed({
      writing: on(Sought, writing, { requires: sure, onRefused: "skip", publishes: Written }),
    });
    const failing = changed({
      research: on(Asked, research, { onFailure: "skip", publishes: Sought }),
    });
    expect(await replayed(chain, today, parked)).toMatchObject([
      { seq: 4, path: "writing#3", what: "requirement", recorded: "deadLetter", today: "skip" },
    ]);
    expect(await replayed(chain, failing, { text: "broken", confidence: 1 })).toMatchObject([
      { seq: 3, path: "research#1", what: "retry", recorded: "deadLetter", today: "skip" },
    ]);
  });

  test("finds an awaited event that would not be taken today", async () => {
    const written = (matches?: (data: Found) => boolean) =>
      workflow("both", "1.0.0", { input: Finding })
        .emit("said", Asked, { data: ({ input }) => input })
        .awaitEvent("heard", Asked, {
          needs: ["said"],
          timeout: "1h",
          ...(matches === undefined ? {} : { matches }),
        })
        .output(({ heard }) => heard);
    expect(
      await replayed(
        written(),
        written(() => false),
      ),
    ).toMatchObject([{ path: "heard", what: "event" }]);
  });
});
