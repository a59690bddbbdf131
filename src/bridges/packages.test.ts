import { expect, test } from "vitest";
import { loadPackage } from "./packages.ts";

test("what is not installed is named, with the command that installs it", async () => {
  const missing = () => Promise.reject(new Error("Cannot find package"));
  await expect(loadPackage("Delta tables", "hyparquet", missing)).rejects.toMatchObject({
    code: "DEPENDENCY_MISSING",
    message: "Delta tables need hyparquet.",
    hint: "Install it: npm install hyparquet",
  });
  expect(await loadPackage("Delta tables", "hyparquet", () => Promise.resolve(7))).toBe(7);
});
