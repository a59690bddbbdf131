import { expect, test } from "vitest";
import { z } from "zod";
import { agent, exponential } from "../model/agent.ts";
import { contract } from "../model/contract.ts";
import { workflow } from "../model/workflow.ts";
import {
  answers,
  cancels,
  fails,
  given,
  givenWith,
  gives,
  passes,
  starts,
  undoes,
} from "./given.ts";

const count = contract("count", "1.0.0", z.number());
const add = agent({
  name: "add",
  version: "1.0.0",
  input: count,
  output: count,
  retry: { attempts: 2 },
  execute: (n) => n + 1,
});
const flow = workflow("flow", "1.0.0", { input: count })
  .step("a", add, { input: ({ input }) => input })
  .step("b", add, { input: ({ input }) => input })
  .approval("ok", {
    needs: ["a", "b"],
    show: ({ a, b }) => ({ a, b }),
    timeout: "1h",
    remindEvery: "10m",
    onTimeout: "refused",
  })
  .output(({ ok }) => ok.approved);

test("what is said and commanded follows from what happened, in short and in full", () => {
  given(flow)
    .when(starts(1))
    .says("run.started")
    .commands("execute a", "execute b")
    .when(gives("a", 2))
    .says("step.sealed a")
    .commands()
    .when(gives("b", 3))
    .says("step.sealed b", "step.opened ok")
    .when(answers("ok", { approved: true }))
    .says("signal.received ok", "step.sealed ok", "run.completed");
});

test("an output that breaks its contract is a failed attempt, made again when its pause is over", () => {
  const decided = given(flow, starts(1)).when(gives("a", "words"));
  decided.says("attempt.failed a").commands();
  expect(decided.facts[0]?.payload).toMatchObject({ error: { code: "CONTRACT_VIOLATED" } });
  decided.when(passes(200)).commands("execute a");
});

test("a step that is given up fails the run, once what is under way has been aborted and has ended", () => {
  given(flow, starts(1))
    .when(fails("a", { final: true }))
    .says("attempt.failed a", "step.failed a")
    .commands("abort")
    .when(gives("b", 4))
    .says("step.sealed b", "run.failed");
});

test("time that passes brings reminders, then the timeout", () => {
  const waiting = given(flow, starts(1), gives("a", 1), gives("b", 1));
  const reminded = waiting.when(passes(600_000)).says("reminder.due ok");
  expect(reminded.commanded).toEqual(["remind ok"]);
  waiting
    .when(passes(600_000), passes(3_000_000))
    .says("reminder.due ok", "reminder.due ok", "step.sealed ok", "run.completed");
});

test("promise 7: an answer is taken once, and none after the run is being cancelled", () => {
  const waiting = given(flow, starts(1), gives("a", 1));
  waiting
    .when(answers("ok", { approved: true }), answers("ok", { approved: false }))
    .says("signal.received ok");
  expect(waiting.when(cancels(), answers("ok", { approved: true })).said).toEqual([
    "run.cancelling",
  ]);
});

test("a start that breaks the contract is refused; limits can be set; expectations that fail show both sides", () => {
  given(flow).when(starts("one")).says("run.refused");
  const many = workflow("many", "1.0.0", { input: contract("list", "1.0.0", z.array(z.number())) })
    .map("m", add, { over: ({ input }) => input, input: (n) => n })
    .output(({ m }) => m);
  expect(givenWith({ mapWidthMax: 1 }, many).when(starts([1, 2])).said).toEqual([
    "run.started",
    "handoff.refused m",
    "step.failed m",
    "run.failed",
  ]);
  expect(() => given(flow).when(starts(1)).says("run.completed")).toThrow(
    "The decider said:\n  run.started\nand not:\n  run.completed",
  );
  expect(() => given(flow, starts(1)).when(gives("c", 1))).toThrow("what is: a, b");
});

test("promise 6: what a run has done is undone as it was sealed, backward, with pauses between attempts", () => {
  const undoing = agent({
    name: "undoing",
    version: "1.0.0",
    input: count,
    output: count,
    retry: { attempts: 2, backoff: exponential("1s", { jitter: 0 }) },
    execute: () => 1,
    compensate: () => undefined,
  });
  const trip = workflow("trip", "1.0.0", { input: count })
    .step("a", undoing, { input: ({ input }) => input })
    .step("b", undoing, { needs: ["a"], input: ({ a }) => a })
    .step("c", undoing, { needs: ["b"], input: ({ b }) => b })
    .output(({ c }) => c);
  const failing = given(trip, starts(1), gives("a", 1), gives("b", 2));
  const back = failing.when(fails("c", { final: true }));
  back.says("attempt.failed c", "step.failed c", "run.compensating").commands("compensate b");
  expect(back.status).toBe("compensating");
  const paused = back.when(fails("b"));
  paused.says("compensation.failed b").commands();
  paused.when(passes(1_000)).commands("compensate b");
  paused
    .when(passes(1_000), undoes("b"), undoes("a"))
    .says("compensation.sealed b", "compensation.sealed a", "run.compensated");
  const parked = paused.when(passes(1_000), fails("b"));
  parked.says("compensation.failed b", "run.parked");
  expect(parked.status).toBe("parked");
});
