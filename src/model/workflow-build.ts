import type { WrittenStep } from "./workflow-chain.ts";
export interface WorkflowHeader { readonly name: string; readonly version: string; readonly options: unknown }
export function buildWorkflow(_h: WorkflowHeader, _s: readonly WrittenStep[], _p: unknown): unknown { return undefined; }
