import { expect, test } from "vitest";
import { loaded } from "./packages.ts";

test("a package that is not there is named, with the command that installs it", async () => {
  const gone = loaded("@modelcontextprotocol/client", async () => {
    throw new Error("Cannot find package");
  });
  await expect(gone).rejects.toMatchObject({
    code: "DEPENDENCY_MISSING",
    hint: "Install it: npm install @modelcontextprotocol/client",
  });
});
