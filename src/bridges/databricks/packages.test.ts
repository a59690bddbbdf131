import { expect, test } from "vitest";
import { loadOauth, loadParser } from "./packages.ts";

const cause = new Error("Cannot find package");
const missing = () => Promise.reject(cause);

test.each([
  ["eventsource-parser", () => loadParser(missing)],
  ["oauth4webapi", () => loadOauth(missing)],
])("without %s it is said what to install", async (name, load: () => Promise<unknown>) => {
  await expect(load()).rejects.toMatchObject({
    code: "DEPENDENCY_MISSING",
    hint: `Install it: npm install ${name}`,
    details: { package: name },
    cause,
  });
});
