/** What lists of tasks read. */
import { expect, test } from "vitest";
import { z } from "zod";
import { byToken, openedNow } from "../../../test/support/a2a.ts";
import { agent, contract, workflow } from "../../index.ts";
import { a2aServer } from "../../a2a.ts";

const Word = contract("word", "1.0.0", z.object({ word: z.string() }));
const strict = agent({
  name: "strict",
  version: "1.0.0",
  input: Word,
  output: Word,
  retry: { attempts: 1 },
  execute: ({ word }) => {
    if (word === "bad") throw new Error("a bad word");
    return { word };
  },
});
const saying = workflow("saying", "1.0.0", { input: Word })
  .step("say", strict, { input: ({ input }) => input })
  .output(({ say }) => say);

interface Listed {
  readonly tasks: readonly { readonly id: string; readonly status: { readonly state: string } }[];
  readonly nextPageToken: string;
  readonly totalSize: number;
}

test("a page of a list reads the runs of that page, and with a status those it has to look at", async () => {
  const baton = await openedNow({ workflows: [saying] });
  let read = new Set<string>();
  const handler = await a2aServer(
    {
      ...baton,
      entries: (run, fromSeq) => {
        // What came last of each is what the list is sorted by.
        if (fromSeq === undefined) read.add(run);
        return baton.entries(run, fromSeq);
      },
    },
    {
      workflows: [saying],
      card: { name: "x", description: "x", version: "1.0.0", url: "http://x/" },
      author: byToken,
    },
  );
  const headers = {
    authorization: "Bearer ann",
    "a2a-version": "1.0",
    "content-type": "application/json",
  };
  for (const [no, word] of ["good", "bad", "good", "bad", "good"].entries()) {
    const message = { messageId: `m-${no}`, role: "ROLE_USER", parts: [{ data: { word } }] };
    const body = JSON.stringify({ message });
    await handler(new Request("http://x/message:send", { method: "POST", headers, body }));
  }
  const listed = async (query: string): Promise<Listed> => {
    read = new Set();
    const response = await handler(new Request(`http://x/tasks?${query}`, { headers }));
    return (await response.json()) as Listed;
  };
  const first = await listed("pageSize=2");
  expect(first).toMatchObject({ totalSize: 5, nextPageToken: first.tasks[1]?.id });
  expect(read.size).toBe(2);
  const rest = await listed(`pageSize=4&pageToken=${first.nextPageToken}`);
  expect(read.size).toBe(3);
  expect(rest).toMatchObject({ totalSize: 5, nextPageToken: "" });
  const ids = [...first.tasks, ...rest.tasks].map(({ id }) => id);
  expect(ids.toSorted()).toEqual(["m-0", "m-1", "m-2", "m-3", "m-4"]);
  const failed = await listed("pageSize=1&status=TASK_STATE_FAILED");
  expect(failed).toMatchObject({
    totalSize: 2,
    tasks: [{ status: { state: "TASK_STATE_FAILED" } }],
    nextPageToken: failed.tasks[0]?.id,
  });
});
