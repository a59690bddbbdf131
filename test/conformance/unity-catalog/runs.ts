/** Runs whose calls the catalogue allows, or does not. */
import { agent, type Baton, catalogueItems, drift, memory, open, workflow } from "baton";
import { unityCatalog } from "baton/unity-catalog";
import { describe, expect, onTestFinished, test } from "vitest";
import { count, gate } from "../../support/opened.ts";
import {
  changePrivileges,
  openUnity,
  type UnityPlace,
  unityPlace,
  type UnityServer,
} from "../../support/unity-places.ts";
import { itemOf } from "../../support/unity-items.ts";

const EXECUTE = { principal: "grace", privilege: "EXECUTE" } as const;

export function unityRuns(server: () => UnityServer): void {
  const place = (...users: readonly string[]) => unityPlace(server(), "ada", users);

  describe("a run", () => {
    /** Of two steps, the first waits for the test. */
    function twoSteps() {
      const [begun, goOn] = [gate(), gate()];
      const called: string[] = [];
      const stepOf = (name: string, during: () => Promise<void>) =>
        agent({
          name,
          version: "1.0.0",
          input: count,
          output: count,
          retry: { attempts: 3 },
          execute: async (n: number) => {
            called.push(name);
            await during();
            return n + 1;
          },
        });
      const one = stepOf("one", async () => {
        begun.open();
        await goOn.promise;
      });
      const flow = workflow("two-calls", "1.0.0", { input: count })
        .step("a", one, { input: ({ input }) => input })
        .step(
          "b",
          stepOf("two", async () => {}),
          { needs: ["a"], input: ({ a }) => a },
        )
        .output(({ b }) => b);
      return { flow, begun, goOn, called };
    }

    async function opened(options: UnityPlace, flow: ReturnType<typeof twoSteps>["flow"]) {
      const registry = unityCatalog(options);
      const baton = await open({ store: memory(), workflows: [flow], registry, log: () => {} });
      onTestFinished(() => baton.close({ graceMs: 0 }));
      return baton;
    }

    async function granted(baton: Baton) {
      await baton.registry.grant("workflow", "two-calls", EXECUTE, "ada");
      for (const name of ["one", "two"]) await baton.registry.grant("agent", name, EXECUTE, "ada");
    }

    const GRACE = { kind: "person", id: "grace" } as const;

    test("a grant that is revoked in the catalogue stops the next call, and the journal says why", async () => {
      const options = await place("grace");
      const { flow, begun, goOn, called } = twoSteps();
      const baton = await opened(options, flow);
      await baton.registry.publish(catalogueItems({ workflows: [flow] }), "ada");
      await granted(baton);
      const run = await baton.start(flow, 1, { id: "r", by: GRACE });
      await begun.promise;
      await changePrivileges(server(), `function/${options.catalog}.lending.two`, "grace", {
        remove: ["EXECUTE"],
      });
      goOn.open();
      const where = `${options.catalog}.lending`;
      expect(await run.outcome()).toMatchObject({
        kind: "failed",
        step: "b",
        error: {
          code: "NOT_GRANTED",
          message: `grace has no EXECUTE on agent ${where}.two, by ${where} at ${server().url}.`,
        },
      });
      expect(called).toEqual(["one"]);
      await baton.registry.grant("agent", "two", EXECUTE, "ada");
      const again = await baton.start(flow, 1, { id: "again", by: GRACE });
      expect(await again.result()).toBe(3);
    });

    test("an agent that is registered as something else is not called, and what differs is named", async () => {
      const options = await place("grace");
      const { flow, called, goOn } = twoSteps();
      goOn.open();
      const items = catalogueItems({ workflows: [flow] });
      const registry = await openUnity(options);
      const changed = items.map((each) =>
        each.kind === "agent" && each.name === "two"
          ? itemOf("agent", "two", { ...each.definition, attempts: 7 })
          : each,
      );
      await registry.publish(changed, "ada");
      const baton = await opened(options, flow);
      await granted(baton);
      expect(await drift(baton.registry, items)).toMatchObject([
        {
          kind: "differs",
          key: { kind: "agent", name: "two", version: "1.0.0" },
          fullName: `${options.catalog}.lending.two`,
          differences: [{ kind: "changed", path: "/attempts", before: 7, after: 3 }],
        },
      ]);
      const run = await baton.start(flow, 1, { by: GRACE });
      expect(await run.outcome()).toMatchObject({
        kind: "failed",
        step: "b",
        error: { code: "REGISTRY_DRIFT" },
      });
      expect(called).toEqual(["one"]);
    });

    test("a catalogue that can't be reached lets nothing through", async () => {
      const options = await place("grace");
      const { flow, called } = twoSteps();
      // Nobody listens at the port of a discarded service.
      const baton = await opened({ ...options, url: "http://127.0.0.1:9" }, flow);
      await expect(baton.start(flow, 1, { by: GRACE })).rejects.toMatchObject({
        code: "REGISTRY_UNAVAILABLE",
      });
      expect(called).toEqual([]);
    });
  });
}
