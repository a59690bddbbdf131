import { expect, test } from "vitest";
import { publicNames } from "./public-names.ts";

test("names are found in lists and declarations, and types are told from values", () => {
  const declarations = [
    'export { agent, type Agent, a as b } from "./model/agent.js";',
    'export type { Json } from "./model/json.js";',
    "export declare function open(): void;",
    "export interface Options {}",
    "declare const hidden: 1;",
  ].join("\n");
  expect(publicNames(declarations)).toEqual([
    "agent",
    "b",
    "open",
    "type Agent",
    "type Json",
    "type Options",
  ]);
});
