/** Grants that change while a run goes on, and a process that dies anywhere: nobody is called who may not be. */
import fc from "fast-check";
import {
  type Agent,
  type AgentDefinition,
  type Baton,
  catalogueItems,
  embeddedRegistry,
  memory,
  open,
  workflow,
  type WorkflowDefinition,
} from "baton";
import { countedIds, faultyStore, type VirtualClock, virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { GRACE, toGrace } from "../support/admitted.ts";
import { agentOf, count } from "../support/opened.ts";

const NAMES = ["one", "two", "three"] as const;
type Name = (typeof NAMES)[number];

/** What a step does to the registry before it gives its result. */
interface Deed {
  readonly agent: Name;
  readonly change: "grant" | "revoke" | "nothing";
  readonly of: Name;
}

const deeds: fc.Arbitrary<readonly Deed[]> = fc.array(
  fc.record({
    agent: fc.constantFrom(...NAMES),
    change: fc.constantFrom("grant", "revoke", "nothing"),
    of: fc.constantFrom(...NAMES),
  }),
  { minLength: 2, maxLength: 6 },
);

/** A run of grace's that changes its own grants as it goes, in one process after the other. */
class Scene {
  readonly clock: VirtualClock = virtualClock();
  readonly #store = memory({ now: () => this.clock.now() });
  readonly #flow: WorkflowDefinition;
  readonly #agents: readonly AgentDefinition[];
  /** What the registry was heard to say last; it changes between two calls only. */
  granted = new Set<string>();
  readonly wrong: string[] = [];
  #baton: Baton | undefined;

  constructor(done: readonly Deed[]) {
    const agents = new Map(NAMES.map((name) => [name, this.#agent(name, done)]));
    this.#agents = [...agents.values()];
    let flow = workflow("chain", "1.0.0", { input: count }) as unknown as Chain;
    for (const [i, { agent }] of done.entries())
      flow = flow.step(`s${i}`, agents.get(agent), {
        needs: i === 0 ? ["input"] : [`s${i - 1}`],
        input: () => i,
      });
    this.#flow = flow.output(() => 1);
  }

  #agent(name: Name, done: readonly Deed[]): Agent<number, number> {
    return agentOf(name, async (i: number) => {
      if (!this.granted.has(name)) this.wrong.push(`${name} was called at s${i}`);
      const { change, of } = done[i] ?? { change: "nothing", of: name };
      if (change === "nothing") return i;
      await this.#baton?.registry[change]("agent", of, toGrace, "ada");
      if (change === "grant") this.granted.add(of);
      else this.granted.delete(of);
      return i;
    });
  }

  /** Opens Baton; it dies at the append of that number, of those that are made from here on. */
  async open(
    diesAt: number,
    dies: "crashBefore" | "crashAfter",
  ): Promise<{ readonly crashed: Promise<void> }> {
    const mortal = faultyStore(this.#store, (append) => (append === diesAt ? dies : "commit"));
    const code = { workflows: [this.#flow], agents: this.#agents };
    const options = { ...code, registry: embeddedRegistry(), ids: countedIds() };
    this.#baton = await this.clock.until(
      open({ ...options, store: mortal.factory, clock: this.clock }),
    );
    const { registry } = this.#baton;
    await registry.publish(catalogueItems(code), "ada");
    this.granted = new Set<string>();
    for (const name of NAMES)
      if (await registry.mayExecute("agent", name, "grace")) this.granted.add(name);
    return { crashed: mortal.crashed };
  }

  async begin(granted: readonly Name[]): Promise<void> {
    const registry = this.#opened.registry;
    await registry.grant("workflow", "chain", toGrace, "ada");
    for (const name of granted) {
      await registry.grant("agent", name, toGrace, "ada");
      this.granted.add(name);
    }
    await this.#opened.startUntyped(this.#flow, 1, { id: "r", by: GRACE });
  }

  get #opened(): Baton {
    if (this.#baton === undefined) throw new Error("it is not open");
    return this.#baton;
  }

  outcome() {
    return this.clock.until(this.#opened.run("r").then((run) => run.outcome()));
  }

  /** Whether it ended, or died before that. */
  async ends({ crashed }: { readonly crashed: Promise<void> }): Promise<boolean> {
    const ended = this.#opened.run("r").then((run) => run.outcome());
    return await this.clock.until(
      Promise.race([ended.then(() => true), crashed.then(() => false)]),
    );
  }

  close() {
    return this.clock.until(this.#opened.close());
  }
}

/** The builder of a workflow, whose types grow with each step, without them. */
interface Chain {
  step(name: string, agent: unknown, options: unknown): Chain;
  output(project: () => number): WorkflowDefinition;
}

test("whatever is granted and revoked meanwhile, and wherever the process dies, nobody is called who may not be", async () => {
  let [completed, refused, died] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(
      deeds,
      fc.subarray([...NAMES], { minLength: 1 }),
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom("crashBefore" as const, "crashAfter" as const),
      async (done, granted, diesAt, dies) => {
        const scene = new Scene(done);
        // What comes before the run takes appends of its own; from then on they are counted.
        await scene.open(Number.POSITIVE_INFINITY, dies);
        await scene.begin(granted);
        await scene.close();
        if (!(await scene.ends(await scene.open(diesAt, dies)))) {
          died += 1;
          await scene.open(Number.POSITIVE_INFINITY, dies);
        }
        const outcome = await scene.outcome();
        await scene.close();
        expect(scene.wrong).toEqual([]);
        if (outcome.kind === "completed") completed += 1;
        else {
          refused += 1;
          const { agent } =
            done[Number(outcome.kind === "failed" ? outcome.step?.slice(1) : "")] ?? {};
          expect(outcome).toMatchObject({ kind: "failed", error: { code: "NOT_GRANTED" } });
          expect(scene.granted).not.toContain(agent);
        }
      },
    ),
    { numRuns: 150, seed: 7 },
  );
  // All of it was seen.
  expect(Math.min(completed, refused, died)).toBeGreaterThan(10);
});
