/** How a run stands, for the caller who started it and for nobody else. */
import type { Author } from "../../model/entry.ts";
import { BatonError } from "../../model/errors.ts";
import type { ServedBaton } from "../served-baton.ts";
import { errorAnswer, statusAnswer, type ToolAnswer } from "./served-answers.ts";
import type { WorkflowTool } from "./served-tools.ts";

export async function callStatus(
  baton: ServedBaton,
  tools: ReadonlyMap<string, WorkflowTool>,
  given: Readonly<Record<string, unknown>>,
  by: Author,
  onError: (error: Error) => void,
): Promise<ToolAnswer> {
  try {
    const { run } = given;
    if (typeof run !== "string" || run === "")
      throw new BatonError("ARGUMENT_INVALID", "`run` is not the id of a run.");
    const names = new Set([...tools.values()].map(({ definition }) => definition.name));
    if (!(await isOf(baton, run, by, names)))
      // Whether another's run is there is nobody's business.
      throw new BatonError("RUN_NOT_FOUND", `There is no run ${run}.`);
    const report = await baton.report(run);
    const { waits } = await baton.waits(run);
    return statusAnswer(report, waits);
  } catch (error) {
    return errorAnswer(error, onError);
  }
}

async function isOf(
  baton: ServedBaton,
  run: string,
  by: Author,
  names: ReadonlySet<string>,
): Promise<boolean> {
  for await (const { entry } of baton.entries(run)) {
    const { workflow } = entry.payload;
    const isServed = typeof workflow === "string" && names.has(workflow.split("@")[0] ?? "");
    return (
      isServed &&
      entry.by.kind === by.kind &&
      entry.by.id === by.id &&
      entry.by.onBehalfOf === by.onBehalfOf
    );
  }
  return false;
}
