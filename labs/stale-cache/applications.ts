/** The applications that are good: those of the example that its list of refusals does not name. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Application, applicationSchema } from "../../examples/credit-decision/application.ts";

const FOLDER = join("examples", "credit-decision");
const refusalsSchema = z.array(z.object({ line: z.int() }));

/**
 * The good ones of the 1,000 applications, in the order of the file.
 * @param root the folder of this repository
 * @param limit only so many, from the beginning
 */
export function goodApplications(
  root: string,
  limit: number = Number.POSITIVE_INFINITY,
): readonly Application[] {
  const read = (name: string) => readFileSync(join(root, FOLDER, name), "utf8");
  const refused = new Set(
    refusalsSchema.parse(JSON.parse(read("applications.expected.json"))).map(({ line }) => line),
  );
  const good: Application[] = [];
  for (const [index, text] of read("applications.jsonl").split("\n").entries()) {
    if (good.length >= limit) break;
    if (text !== "" && !refused.has(index + 1))
      good.push(applicationSchema.parse(JSON.parse(text)));
  }
  return good;
}
