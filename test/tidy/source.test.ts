import { expect, test } from "vitest";
import { codeOnly, importsOf } from "./source.ts";

test("imports are found however they are written, and not in comments or strings", () => {
  const text = [
    'import { a } from "./a.ts";',
    "import type {\n  B,\n} from '../ports/b.ts';",
    'export { c } from "./c.ts";',
    'import "./d.ts";',
    'const e = await import("./e.ts");',
    'new Worker(new URL("./f.ts", import.meta.url));',
    'import g from "big.js";',
    '// import { no } from "./no.ts";',
    '/* import "./no.ts"; */',
  ].join("\n");
  const found = importsOf("src/model/x.ts", text).map((one) => one.path ?? one.specifier);
  expect(found.sort()).toEqual([
    "big.js",
    "src/model/a.ts",
    "src/model/c.ts",
    "src/model/d.ts",
    "src/model/e.ts",
    "src/model/f.ts",
    "src/ports/b.ts",
  ]);
});

test("an import's line is the one that it ends on", () => {
  expect(importsOf("src/a.ts", 'const x = 1;\nimport {\n  b,\n} from "./b.ts";')[0]?.line).toBe(4);
});

test("code is what is left without comments and strings, line by line", () => {
  const code = codeOnly('const a = "job"; // job\n/* job\njob */ const job = `job`;');
  expect(code.split("\n").map((line) => line.includes("job"))).toEqual([false, false, true]);
});
