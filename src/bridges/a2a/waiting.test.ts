/** How long callers are kept waiting, and how it is noticed that one has gone. */
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { byToken, openedNow } from "../../../test/support/a2a.ts";
import { gate } from "../../../test/support/opened.ts";
import { agent, contract, workflow } from "../../index.ts";
import { a2aServer } from "../../a2a.ts";

const Word = contract("word", "1.0.0", z.object({ word: z.string() }));

/** A Baton whose run waits for a person, and takes what it has done back when it is let. */
async function served() {
  const release = gate();
  onTestFinished(() => release.open());
  const kept = agent({
    name: "kept",
    version: "1.0.0",
    input: Word,
    output: Word,
    execute: ({ word }) => ({ word }),
    compensate: async () => await release.promise,
  });
  const slow = agent({
    name: "slow",
    version: "1.0.0",
    input: Word,
    output: Word,
    execute: async ({ word }) => {
      if (word === "slow") await release.promise;
      return { word };
    },
  });
  const flow = workflow("waiting", "1.0.0", { input: Word })
    .step("keep", kept, { input: ({ input }) => input })
    .step("work", slow, { needs: ["keep"], input: ({ keep }) => keep })
    .approval("permit", { show: ({ work }) => work, timeout: "1h", needs: ["work"] })
    .output(({ permit }) => permit);
  const baton = await openedNow({ workflows: [flow] });
  const watched = { begun: gate(), over: gate() };
  const handler = await a2aServer(
    {
      ...baton,
      watch: async function* (run, options) {
        watched.begun.open();
        try {
          yield* baton.watch(run, options);
        } finally {
          watched.over.open();
        }
      },
    },
    {
      workflows: [flow],
      card: { name: "x", description: "x", version: "1.0.0", url: "http://x/" },
      author: byToken,
    },
  );
  const ask = (path: string, body: object = {}) =>
    handler(
      new Request(`http://x${path}`, {
        method: "POST",
        headers: {
          authorization: "Bearer ann",
          "a2a-version": "1.0",
          "content-type": "application/json",
        },
        body: JSON.stringify(body),
      }),
    );
  const send = (word: string) =>
    ask("/message:send", {
      message: { messageId: "m", role: "ROLE_USER", parts: [{ data: { word } }] },
    });
  return { ask, send, watched, release };
}

afterEach(() => {
  vi.useRealTimers();
});

test("a stream says now and then that it is still there, as long as somebody listens", async () => {
  const { ask, send, watched } = await served();
  await send("quick");
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const before = vi.getTimerCount();
  const { body } = await ask("/tasks/m:subscribe");
  const reader = body?.getReader();
  const read = async () => new TextDecoder().decode((await reader?.read())?.value);
  expect(await read()).toContain("TASK_STATE_INPUT_REQUIRED");
  watched.over = gate();
  for (const _ of [1, 2]) {
    vi.advanceTimersByTime(15_000);
    expect(await read()).toBe(":\n\n");
  }
  // Whoever does not read is not written to again and again.
  vi.advanceTimersByTime(600_000);
  expect(await read()).toBe(":\n\n");
  await reader?.cancel();
  vi.advanceTimersByTime(15_000);
  await watched.over.promise;
  await new Promise((resolve) => setImmediate(resolve));
  expect(vi.getTimerCount()).toBe(before);
});

test("who waits for a task is answered within a minute, with the task as it is then", async () => {
  const { send, watched } = await served();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const sending = send("slow");
  await watched.begun.promise;
  vi.advanceTimersByTime(50_000);
  const answer = await sending;
  expect(await answer.json()).toMatchObject({
    task: { id: "m", status: { state: "TASK_STATE_WORKING" } },
  });
  await watched.over.promise;
});

test("who cancels a task is answered within a minute, while what it has done is undone", async () => {
  const { ask, send, watched, release } = await served();
  await send("quick");
  await watched.over.promise;
  watched.begun = gate();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const cancelling = ask("/tasks/m:cancel");
  await watched.begun.promise;
  vi.advanceTimersByTime(50_000);
  const answer = await cancelling;
  expect(await answer.json()).toMatchObject({ status: { state: "TASK_STATE_WORKING" } });
  vi.useRealTimers();
  release.open();
  const again = await ask("/tasks/m:cancel");
  expect(await again.json()).toMatchObject({ status: { state: "TASK_STATE_CANCELED" } });
});
