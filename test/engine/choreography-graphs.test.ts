/**
 * 10,000 research runs as a choreography, published twice and out of order: the graph that is reconstructed of each, which
 * agent read what which agent gave, is that of the same question as a workflow.
 */
import {
  agent,
  all,
  type Baton,
  choreography,
  contract,
  type EventGraph,
  memory,
  on,
  open,
  to,
  topic,
  workflow,
} from "baton";
import { expect, test } from "vitest";
import { z } from "zod";
import { type Dice, diceOf } from "../sim/dice.ts";

/** How the research goes follows from the numbers: whether it is vague, in another language, disputed. */
const Note = contract("note", "1.0.0", z.object({ about: z.string(), depth: z.int() }));
interface Note {
  readonly about: string;
  readonly depth: number;
}
const Asked = topic("asked", Note, { key: ({ about }) => about });
const Found = topic("found", Note, { key: ({ about }) => about });
const Vague = topic("vague", Note);
const Foreign = topic("foreign", Note);
const Analysed = topic("analysed", Note);
const Disputed = topic("disputed", Note);
const Checked = topic("checked", Note);
const Written = topic("written", Note);

const isVague = ({ depth }: Note) => depth % 5 === 0;
const isForeign = ({ depth }: Note) => depth % 3 === 0;
const isDisputed = ({ depth }: Note) => depth % 7 < 3;
const whole = ({ event }: { readonly event: Note }) => event;
const onlyIf = (wanted: (note: Note) => boolean) => (note: Note) =>
  wanted(note) ? note : undefined;
const not = (unwanted: (note: Note) => boolean) => (note: Note) => !unwanted(note);

const working = (name: string) =>
  agent({ name, version: "1.0.0", input: Note, output: Note, execute: async (note) => note });
const agents = {
  research: working("research"),
  analysis: working("analysis"),
  translating: working("translating"),
  checking: working("checking"),
  settling: working("settling"),
  writing: working("writing"),
  apology: working("apology"),
};

const choreographed = choreography("report", "1.0.0", {
  starts: Asked,
  ends: Written,
  deadline: "10h",
  // Subscriptions have other names than the agents behind them.
  subscriptions: {
    look: on(Asked, agents.research, {
      input: whole,
      publishes: [to(Found, onlyIf(not(isVague))), to(Vague, onlyIf(isVague))],
    }),
    analyse: on(Found, agents.analysis, {
      input: whole,
      publishes: [to(Analysed, onlyIf(not(isForeign))), to(Foreign, onlyIf(isForeign))],
    }),
    translate: on(Foreign, agents.translating, { input: whole, publishes: Analysed }),
    check: on(Found, agents.checking, {
      input: whole,
      publishes: [to(Checked, onlyIf(not(isDisputed))), to(Disputed, onlyIf(isDisputed))],
    }),
    settle: on(Disputed, agents.settling, { input: whole, publishes: Checked }),
    write: on(all({ analysed: Analysed, checked: Checked }), agents.writing, {
      input: ({ analysed }) => analysed,
      publishes: Written,
    }),
    apologise: on(Vague, agents.apology, { input: whole, publishes: Written }),
  },
});

/** The same as a workflow: who writes reads the last of each side, so there is a step for each pair. */
const orchestrated = workflow("orchestrated", "1.0.0", { input: Note })
  .step("look", agents.research, { input: ({ input }) => input })
  .step("sorry", agents.apology, {
    needs: ["look"],
    when: ({ look }) => isVague(look),
    input: ({ look }) => look,
  })
  .step("analyse", agents.analysis, {
    needs: ["look"],
    when: ({ look }) => !isVague(look),
    input: ({ look }) => look,
  })
  .step("check", agents.checking, {
    needs: ["look"],
    when: ({ look }) => !isVague(look),
    input: ({ look }) => look,
  })
  .step("translate", agents.translating, {
    needs: ["analyse"],
    when: ({ analyse }) => analyse !== undefined && isForeign(analyse),
    input: ({ analyse = NOTHING }) => analyse,
  })
  .step("settle", agents.settling, {
    needs: ["check"],
    when: ({ check }) => check !== undefined && isDisputed(check),
    input: ({ check = NOTHING }) => check,
  })
  .step("plain", agents.writing, {
    needs: ["analyse", "check"],
    when: (view) => both(view.analyse, view.check, (note) => !isForeign(note) && !isDisputed(note)),
    input: ({ analyse = NOTHING }) => analyse,
  })
  .step("translated", agents.writing, {
    needs: ["translate", "check"],
    when: (view) => both(view.translate, view.check, (note) => !isDisputed(note)),
    input: ({ translate = NOTHING }) => translate,
  })
  .step("settled", agents.writing, {
    needs: ["analyse", "settle"],
    when: (view) => both(view.analyse, view.settle, (note) => !isForeign(note)),
    input: ({ analyse = NOTHING }) => analyse,
  })
  .step("hard", agents.writing, {
    needs: ["translate", "settle"],
    when: (view) => both(view.translate, view.settle, () => true),
    input: ({ translate = NOTHING }) => translate,
  })
  .output(() => null);

const NOTHING: Note = { about: "", depth: 0 };

function both(one: Note | undefined, other: Note | undefined, fits: (note: Note) => boolean) {
  return one !== undefined && other !== undefined && fits(one);
}

const RUNS = 10_000;
/** Questions that are open at a time. */
const AT_ONCE = 1_000;
const SEED = 20_261_123;

/** `reader reads giver`, sorted: what is given to a run is `input`. */
function edgeSet(edges: Iterable<readonly [reader: string, giver: string]>): string {
  return [...new Set([...edges].map(([reader, giver]) => `${reader} reads ${giver}`))]
    .sort()
    .join(", ");
}

function nameOf(id: string): string {
  return id.slice(0, id.lastIndexOf("@"));
}

/** Through each topic, from whoever took of it to whoever published to it. */
function reconstructed({ edges, subscriptions }: EventGraph): string {
  const agentOfNode = new Map(
    subscriptions.map(({ subscription, target = "" }) => [subscription, nameOf(target)]),
  );
  const had = edges.filter(({ count }) => count > 0);
  return edgeSet(
    had.flatMap((taken) =>
      had.flatMap((given): readonly (readonly [string, string])[] =>
        taken.kind === "takes" && given.kind === "publishes" && taken.topic === given.topic
          ? [[who(taken.subscription), who(given.subscription)]]
          : [],
      ),
    ),
  );
  function who(subscription: string): string {
    // A run that an event from outside has begun is given that event.
    return agentOfNode.get(subscription) ?? "input";
  }
}

/** From each step that was executed to those of which it was given the output. */
async function conducted(baton: Baton, run: string): Promise<string> {
  const { steps } = await baton.report(run);
  const agentOfStep = new Map(
    steps.flatMap(({ path, agent, status }) =>
      status === "sealed" && agent !== undefined ? [[path, nameOf(agent)] as const] : [],
    ),
  );
  return edgeSet(
    steps.flatMap(({ path, reads = {} }): readonly (readonly [string, string])[] => {
      const reader = agentOfStep.get(path);
      if (reader === undefined) return [];
      return Object.keys(reads).map((step) => [reader, agentOfStep.get(step) ?? step]);
    }),
  );
}

function shuffled<X>(values: readonly X[], dice: Dice): readonly X[] {
  const found = [...values];
  for (let i = found.length - 1; i > 0; i -= 1) {
    const j = dice(i + 1);
    const [one, other] = [found[i], found[j]];
    if (one !== undefined && other !== undefined) [found[i], found[j]] = [other, one];
  }
  return found;
}

/** Resolves once every event has been dealt with, and every run has ended. */
async function allTaken(baton: Baton): Promise<void> {
  for (;;) {
    const [taking] = await baton.subscriptions();
    if (taking?.lag === 0 && (await baton.runs({ open: true, limit: 1 })).length === 0) return;
    await new Promise<void>((go) => setImmediate(go));
  }
}

test("10,000 choreographed runs, each event twice and in any order, have the graphs of the orchestrated ones", async () => {
  const dice = diceOf(SEED);
  const graphs = new Map<string, number>();
  for (let first = 0; first < RUNS; first += AT_ONCE) {
    const questions = Array.from({ length: AT_ONCE }, (_, i) => ({
      id: `q${first + i}`,
      note: { about: `owl ${dice(40)}`, depth: dice(105) },
    }));
    const options = { store: memory(), watchdog: 0 } as const;
    const baton = await open({ ...options, workflows: [choreographed, orchestrated] });
    await Promise.all(
      shuffled([...questions, ...questions], dice).map(({ id, note }) =>
        baton.publish(Asked, note, { id }),
      ),
    );
    await Promise.all(
      questions.map(async ({ id, note }) => {
        const run = await baton.start(orchestrated, note, { id: `${id}-o` });
        await run.result();
      }),
    );
    await allTaken(baton);
    for (const { id } of questions) {
      const found = await baton.eventGraph(`${id}/report`);
      const graph = reconstructed(found);
      expect(Math.max(...found.edges.map(({ count }) => count)), id).toBe(1);
      expect(graph, `${id} of seed ${SEED}`).toBe(await conducted(baton, `${id}-o`));
      graphs.set(graph, (graphs.get(graph) ?? 0) + 1);
    }
    await baton.close({ graceMs: 0 });
  }
  // Of each kind there were some: vague; and else in each language, disputed or not.
  expect(graphs.size).toBe(5);
  expect(graphs.has("apology reads research, research reads input")).toBe(true);
  expect([...graphs.keys()].join("\n")).toContain(
    "settling reads checking, translating reads analysis, writing reads settling, writing reads translating",
  );
  expect([...graphs.values()].reduce((sum, n) => sum + n)).toBe(RUNS);
  expect(Math.min(...graphs.values())).toBeGreaterThan(RUNS / 50);
}, 240_000);
