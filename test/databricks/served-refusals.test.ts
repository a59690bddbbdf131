/** The served side, over real HTTP: what is refused, and how. */
import { workflow } from "baton";
import { responsesAgent } from "baton/databricks";
import { describe, expect, test } from "vitest";
import { agentOf, gate } from "../support/opened.ts";
import { post, refused, servedAt } from "../support/served-agent.ts";
import { ADA, openedBaton, rated, rating, text } from "../support/served-workflows.ts";

describe("what is refused", () => {
  test("an input that breaks the contract, with what is wrong and not its values", async () => {
    const { url } = await rated();
    const input = { name: "Ada", income: -271_828 };
    for (const stream of [false, true]) {
      const answer = await post(`${url}/responses`, {
        input: [],
        custom_inputs: { input },
        stream,
      });
      const error = await refused(answer);
      expect(error).toMatchObject({
        status: 400,
        code: "RUN_REFUSED",
        param: "/income",
        violations: [{ contract: "applicant@1.0.0", path: "/income" }],
      });
      expect(JSON.stringify(error)).not.toContain("271828");
    }
  });

  test.each([
    ["no JSON", "{", 400, "ARGUMENT_INVALID"],
    ["no input", {}, 400, "ARGUMENT_INVALID"],
    ["an input that is none", { input: 7 }, 400, "ARGUMENT_INVALID"],
    ["an id that is none", { input: "{}", custom_inputs: { run_id: 7 } }, 400, "ARGUMENT_INVALID"],
    [
      "an id that no run may have",
      { input: "{}", custom_inputs: { run_id: "!" } },
      400,
      "ARGUMENT_INVALID",
    ],
    ["nothing to begin or join", { input: [] }, 400, "ARGUMENT_INVALID"],
    [
      "a run that is not there",
      { input: [], custom_inputs: { run_id: "nobody" } },
      404,
      "RUN_NOT_FOUND",
    ],
    ["a body that is too large", { input: "x".repeat(3_000) }, 413, "VALUE_TOO_LARGE"],
  ])("%s", async (_, body, status, code) => {
    const { baton: opened, url } = await rated({ bodyBytesMax: 2_000 });
    expect(await refused(await post(`${url}/responses`, body))).toMatchObject({ status, code });
    expect((await opened.runs()).filter((run) => run.status !== "refused")).toEqual([]);
  });

  test("a request that can't be taken now", async () => {
    const { baton: opened, url } = await rated();
    await opened.close();
    const answer = await post(`${url}/responses`, { input: JSON.stringify(ADA) });
    expect(answer.headers.get("retry-after")).toBe("5");
    expect(await refused(answer)).toMatchObject({
      status: 503,
      code: "STORE_CLOSED",
      type: "server_error",
    });
  });

  test("too many runs at once", async () => {
    const held = gate<string>();
    const slow = agentOf<string, string>("slow", () => held.promise);
    const slowly = workflow("slowly", "1.0.0", { input: text })
      .step("slow", slow, { input: ({ input }) => input })
      .output(({ slow: given }) => given);
    const limits = { queuedRunsMax: 1, concurrentRunsMax: 1 };
    const opened = await openedBaton({ workflows: [slowly], limits });
    const url = await servedAt(responsesAgent(opened, slowly));
    const answers = Array.from({ length: 20 }, (_, at) =>
      post(`${url}/responses`, { input: "x", custom_inputs: { run_id: `r-${at}` } }),
    );
    const busy = await Promise.any(
      answers.map(async (answer) => {
        const response = await answer;
        if (response.status !== 429) throw new Error("It was taken.");
        return response;
      }),
    );
    expect(Number(busy.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(await refused(busy)).toMatchObject({ status: 429, code: "OVERLOADED" });
    held.open("done");
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect(await opened.runs()).toHaveLength(statuses.filter((each) => each === 200).length);
  });

  test("an error of ours says nothing, and is logged", async () => {
    const lines: unknown[] = [];
    const { url } = await rated({
      toInput: () => {
        throw new Error("The password is swordfish.");
      },
      log: (line) => lines.push(line.message),
    });
    const error = await refused(await post(`${url}/responses`, { input: "x" }));
    expect(error).toMatchObject({ status: 500, code: "INTERNAL" });
    expect(JSON.stringify(error)).not.toContain("swordfish");
    expect(lines).toEqual(["Error: The password is swordfish."]);
  });

  test("options that can't be meant", async () => {
    const opened = await openedBaton();
    const build = (options: object) => () => responsesAgent(opened, rating, options);
    expect(build({ deltas: "other" })).toThrow('step "other"');
    expect(build({ wait: "soon" })).toThrow('"soon"');
    expect(build({ requestsMax: 0 })).toThrow("`requestsMax`, 0,");
    expect(build({ stream: true })).toThrow("no option `stream`");
    expect(() => responsesAgent(opened, {} as never)).toThrow("no workflow");
  });
});
