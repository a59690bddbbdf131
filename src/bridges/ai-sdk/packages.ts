/** The AI SDK, which comes with Baton only where somebody has installed it. */
import type * as Ai from "ai";
import { loadPackage } from "../packages.ts";

export type AiSdk = typeof Ai;

/** @throws BatonError `DEPENDENCY_MISSING` */
export async function loadAiSdk(): Promise<AiSdk> {
  return await loadPackage("Agents of a prompt", "ai@6", () => import("ai"));
}
