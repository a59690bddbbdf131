/**
 * A process to be killed: `remote <file> <port> [hang]` serves a workflow as an A2A agent, and hangs in the middle if told so;
 * `caller <file> <url>` has it as a step, and prints how it ended. Both print a line for each thing that they really do.
 */
import { serve } from "@hono/node-server";
import { agent, contract, exponential, open, workflow } from "baton";
import { a2aAgent, a2aServer } from "baton/a2a";
import { sqlite } from "baton/sqlite";
import { z } from "zod";

const [role = "", file = "", where = "", hang] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const Applicant = contract("applicant", "1.0.0", z.object({ id: z.string() }));
const Score = contract("score", "1.0.0", z.object({ score: z.int() }));
const Decision = contract("decision", "1.0.0", z.object({ approved: z.boolean() }));

/** Looks at the applicant three times, each once for all. */
const bureau = agent({
  name: "bureau",
  version: "1.0.0",
  input: Applicant,
  output: Score,
  execute: async ({ id }, { once }) => {
    let score = 0;
    for (const look of [1, 2, 3]) {
      score += await once(`look-${look}`, () => {
        say(`look-${look} ${id}`);
        return 250;
      });
      if (hang === undefined) continue;
      say("hangs");
      await new Promise(() => {});
    }
    return { score };
  },
});
const scoring = workflow("scoring", "1.0.0", { input: Applicant })
  .step("score", bureau, { input: ({ input }) => input })
  .output(({ score }) => score);

async function remote(): Promise<void> {
  const baton = await open({ store: sqlite(file), workflows: [scoring], log: () => {} });
  const url = `http://127.0.0.1:${where}/`;
  const fetch = await a2aServer(baton, {
    workflows: [scoring],
    card: { name: "bureau", description: "Scores applicants.", version: "1.0.0", url },
    author: () => ({ kind: "program", id: "lender" }),
  });
  serve({ fetch, port: Number(where), hostname: "127.0.0.1" }, () => say("ready"));
}

async function caller(): Promise<void> {
  const scorer = a2aAgent({
    name: "scorer",
    version: "1.0.0",
    input: Applicant,
    output: Score,
    card: where,
    poll: "50ms",
    retry: { attempts: 100, backoff: exponential("50ms", { factor: 1 }) },
  });
  const approval = agent({
    name: "approval",
    version: "1.0.0",
    input: Score,
    output: Decision,
    execute: ({ score }) => {
      say("decided");
      return { approved: score >= 700 };
    },
  });
  const flow = workflow("credit", "1.0.0", { input: Applicant })
    .step("score", scorer, { input: ({ input }) => input })
    .step("decide", approval, { needs: ["score"], input: ({ score }) => score })
    .output(({ decide }) => decide);
  const baton = await open({ store: sqlite(file), workflows: [flow], log: () => {} });
  const run = await baton.start(flow, { id: "ada" }, { id: "r" });
  for await (const item of baton.watch("r"))
    if (item.kind === "entry" && item.entry.kind === "once.recorded") say("sent");
  const decision = await run.result();
  const { problems } = await baton.verify();
  await baton.close();
  say(JSON.stringify({ decision, problems }));
}

await (role === "remote" ? remote() : caller());
