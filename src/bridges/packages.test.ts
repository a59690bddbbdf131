import { expect, test } from "vitest";
import { loadPackage } from "./packages.ts";

/** As Node says it. */
const missing = () => import("./no-such-package.ts" as string);

test("what is not installed is named, with the command that installs it", async () => {
  await expect(loadPackage("Delta tables", "hyparquet", missing)).rejects.toMatchObject({
    code: "DEPENDENCY_MISSING",
    message: "Delta tables need hyparquet.",
    hint: "Install it: npm install hyparquet",
    details: { package: "hyparquet" },
  });
  await expect(loadPackage("Graphs", "a b", missing)).rejects.toMatchObject({
    message: "Graphs need a and b.",
    hint: "Install them: npm install a b",
  });
  expect(await loadPackage("Delta tables", "hyparquet", () => Promise.resolve(7))).toBe(7);
});

test.each([
  new SyntaxError("Unexpected token"),
  Object.assign(new Error("No exports"), { code: "ERR_PACKAGE_PATH_NOT_EXPORTED" }),
  "thrown",
])("what is there and can't be loaded is not called missing: %s", async (cause) => {
  await expect(loadPackage("Graphs", "a", () => Promise.reject(cause))).rejects.toBe(cause);
});
