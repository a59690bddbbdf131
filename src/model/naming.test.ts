import { expect, test } from "vitest";
import { compareVersions } from "./naming.ts";

test("versions are ordered by their numbers, not as text", () => {
  const versions = ["1.10.0", "1.2.0", "2.0.0", "1.2.10", "1.2.9", "1.2.0"];
  expect(versions.toSorted(compareVersions)).toEqual([
    "1.2.0",
    "1.2.0",
    "1.2.9",
    "1.2.10",
    "1.10.0",
    "2.0.0",
  ]);
});
