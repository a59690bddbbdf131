import * as protocol from "@a2a-js/sdk";
import type { Client } from "@a2a-js/sdk/client";
import * as client from "@a2a-js/sdk/client";
import * as errors from "@a2a-js/sdk/errors";
import { expect, test, vi } from "vitest";
import { gate } from "../../../test/support/opened.ts";
import { follow } from "./remote-task.ts";

const NEVER = new AbortController().signal;

test("a stream is listened to for minutes, however long the poll is, and after each silence again", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    let state = "TASK_STATE_WORKING";
    let streams = 0;
    let listened = gate();
    const fake: Pick<Client, "getTask" | "resubscribeTask"> = {
      getTask: async ({ id }) => protocol.Task.fromJSON({ id, status: { state } }),
      resubscribeTask: async function* ({ id }, options) {
        streams += 1;
        const task = protocol.Task.fromJSON({ id, status: { state } });
        yield { payload: { $case: "task", value: task } };
        listened.open();
        await new Promise((_, reject) => {
          options?.signal?.addEventListener("abort", () => reject(new Error("aborted")));
        });
      },
    };
    const remote = {
      sdk: { protocol, client, errors },
      // Nothing else of it is asked.
      client: fake as Client,
      streams: true,
      pollMs: 20 * 3_600_000,
      onAsked: "fail",
    } as const;
    const followed = follow(remote, "t", { signal: NEVER, beat: () => {}, tell: () => {} });
    await listened.promise;
    listened = gate();
    vi.advanceTimersByTime(200_000);
    expect(streams).toBe(1);
    vi.advanceTimersByTime(100_000);
    await listened.promise;
    expect(streams).toBe(2);
    state = "TASK_STATE_COMPLETED";
    vi.advanceTimersByTime(300_000);
    expect((await followed).status?.state).toBe("TASK_STATE_COMPLETED");
  } finally {
    vi.useRealTimers();
  }
});
