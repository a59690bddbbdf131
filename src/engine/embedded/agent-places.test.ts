import fc from "fast-check";
import { expect, test } from "vitest";
import type { AgentDefinition } from "../../model/agent-definition.ts";
import { agentPlaces } from "./agent-places.ts";

/** What places look at of an agent. */
function limited(more: Partial<AgentDefinition>): AgentDefinition {
  return { id: "a@1.0.0", ...more } as unknown as AgentDefinition;
}

test("never more than there are places, first come first served, and nothing is left at rest", () => {
  const act = fc.record({
    what: fc.constantFrom("take", "take", "abort", "leave"),
    which: fc.integer({ min: 0, max: 30 }),
    /** Ends while it begins, as an agent that answers at once does. */
    atOnce: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(act), (concurrency, acts) => {
      const agent = limited({ concurrency });
      const places = agentPlaces();
      const begun: number[] = [];
      const executing = new Set<number>();
      const leaves: (() => void)[] = [];
      const aborted = new Set<number>();
      const end = (id: number) => {
        if (executing.delete(id)) places.leave(agent);
      };
      for (const { what, which, atOnce } of acts) {
        if (what === "take") {
          const id = leaves.length;
          leaves.push(() => undefined);
          leaves[id] = places.take(agent, () => {
            begun.push(id);
            executing.add(id);
            if (atOnce) end(id);
          });
        } else if (what === "leave") end([...executing][which % Math.max(1, executing.size)] ?? -1);
        else if (which < leaves.length && !begun.includes(which)) {
          leaves[which]?.();
          aborted.add(which);
        }
        expect(executing.size).toBeLessThanOrEqual(concurrency);
        expect(places.of(agent)?.taken ?? 0).toBe(executing.size);
      }
      while (executing.size > 0) end([...executing][0] ?? -1);
      expect(begun).toEqual([...begun].sort((a, b) => a - b));
      expect(begun.length + aborted.size).toBe(leaves.length);
      expect(places.of(agent)).toEqual({ taken: 0, waiting: 0 });
    }),
  );
});

test("however many end while they begin, the stack does not grow", () => {
  const agent = limited({ concurrency: 1 });
  const places = agentPlaces();
  places.take(agent, () => undefined);
  let ended = 0;
  for (let id = 0; id < 100_000; id += 1)
    places.take(agent, () => {
      ended += 1;
      places.leave(agent);
    });
  places.leave(agent);
  expect(ended).toBe(100_000);
});

test("where as many wait as may, one more is refused; whoever may not be refused waits", () => {
  const agent = limited({ concurrency: 1, queue: 2 });
  const places = agentPlaces();
  const said: string[] = [];
  const take = (id: string) =>
    places.take(
      agent,
      () => said.push(`${id} begins`),
      () => said.push(`${id} refused`),
    );
  for (const id of ["a", "b", "c", "d"]) take(id);
  places.take(agent, () => said.push("e begins"));
  expect(said).toEqual(["a begins", "d refused"]);
  expect(places.of(agent)).toEqual({ taken: 1, waiting: 3 });
  for (let i = 0; i < 4; i += 1) places.leave(agent);
  expect(said.slice(2)).toEqual(["b begins", "c begins", "e begins"]);
});
