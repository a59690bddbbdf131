import { expect, test } from "vitest";
import { loadOauth, loadParser } from "./packages.ts";

const cause = Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
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
