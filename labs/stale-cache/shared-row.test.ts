import { memory } from "baton";
import { test } from "vitest";
import { goodApplications } from "./applications.ts";
import { judge } from "./outcome.ts";
import { PARAMETERS } from "./parameters.ts";
import { planOf, storyOf } from "./plan.ts";
import { runSharedRow } from "./shared-row.ts";
import { runSharedDocument } from "./shared-document.ts";
import { runOnBaton } from "./on-baton.ts";
test("p", async () => {
  const apps = goodApplications(process.cwd());
  for (let seed = 1; seed <= 2; seed++) {
    const plan = planOf(apps, seed, PARAMETERS);
    let t = performance.now();
    const told = storyOf(plan)?.application.id;
    const r = await runSharedRow(plan, ":memory:", told);
    console.log(
      seed,
      performance.now() - t,
      JSON.stringify(judge(plan, r)),
      seed === 1 ? r.moments : "",
    );
    for (const l of ["late", "early"] as const) {
      t = performance.now();
      console.log(
        l,
        JSON.stringify(judge(plan, await runSharedDocument(plan, ":memory:", l))),
        performance.now() - t,
      );
    }
    t = performance.now();
    const c = await runOnBaton(plan, memory(), () => 0, told);
    console.log(
      "c",
      JSON.stringify(judge(plan, c)),
      c.problems,
      c.entries,
      c.processes,
      c.answersLost,
      performance.now() - t,
    );
    console.log(JSON.stringify(c.lineage));
  }
}, 60000);
