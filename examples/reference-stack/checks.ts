/** What everybody else says of the same runs: each check asks another system, and holds its answer against the journal. */
import type { Baton, Entry } from "baton";
import { deltaRows, verifyDelta } from "baton/delta";
import { EXPERIMENT, type Stack } from "./stack.ts";

export interface Check {
  readonly what: string;
  readonly ok: boolean;
  /** What was found, in a few words. */
  readonly found: string;
}

/** What the journal says of all runs, and of those below them. */
export interface Tally {
  readonly runs: number;
  /** Attempts of agents that have an outcome. */
  readonly calls: number;
  readonly tokens: number;
  readonly cost: string;
  /** Inquiries that were opened and not withdrawn. */
  readonly inquiries: number;
}

/** A search over all that was sent takes its time. */
const ANSWER_MS = 30_000;

const OUTCOMES: ReadonlySet<string> = new Set(["step.sealed", "attempt.failed"]);

export async function tally(baton: Baton): Promise<Tally> {
  let [runs, calls, tokens, cents, inquiries] = [0, 0, 0, 0, 0];
  for (const { id } of await baton.runs({ limit: 10_000 })) {
    runs += 1;
    let opened = 0;
    for await (const { entry } of baton.entries(id)) {
      const { kind, agent, path } = entry;
      if (OUTCOMES.has(kind) && agent !== undefined) calls += 1;
      for (const { inputTokens, outputTokens, cost } of usageOf(entry)) {
        tokens += inputTokens + outputTokens;
        cents += Number(cost ?? 0);
      }
      if (kind === "step.sealed" && path === "score") opened += 1;
      if (kind === "compensation.sealed" && path === "score") opened -= 1;
    }
    inquiries += opened;
  }
  return { runs, calls, tokens, cost: cents.toFixed(6), inquiries };
}

interface Used {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cost?: string;
}

function usageOf({ payload }: Entry): readonly Used[] {
  // An entry's payload is JSON; `usage` is what docs/journal.md says.
  return (payload["usage"] ?? []) as unknown as readonly Used[];
}

/** The journal itself. */
export async function journalHolds({ baton }: Stack): Promise<Check> {
  const { problems, entries } = await baton.verify();
  return {
    what: "the journal's chain",
    ok: problems.length === 0,
    found: `${entries} entries, ${problems.length} problems`,
  };
}

/** The tables alone: their chain, and a row for each call. */
export async function tablesAgree({ tables, drain }: Stack, { calls }: Tally): Promise<Check> {
  await drain();
  const { problems } = await verifyDelta(tables);
  let rows = 0;
  for await (const { purpose } of deltaRows(tables, "agent_calls"))
    if (purpose === "step") rows += 1;
  return {
    what: "Delta Lake",
    ok: problems.length === 0 && rows === calls,
    found: `${rows} calls of agents in agent_calls; the chain has ${problems.length} problems`,
  };
}

/** The bureau, where inquiries of refused applications were withdrawn. */
export async function bureauAgrees(address: string, { inquiries }: Tally): Promise<Check> {
  const open = Number(await (await asked(address)).json());
  return {
    what: "the bureau (MCP)",
    ok: open === inquiries,
    found: `${open} inquiries are open there, ${inquiries} should be`,
  };
}

/** MLflow, by its search. */
export async function mlflowAgrees(url: string, { runs, tokens }: Tally): Promise<Check> {
  const found = await tracesIn(url);
  const counted = found.reduce((sum, trace) => sum + tokensOf(trace), 0);
  return {
    what: "MLflow",
    ok: found.length > 0 && counted === tokens,
    found: `${found.length} traces of ${runs} runs (a run and those below it are one), ${counted} tokens`,
  };
}

function asked(url: string, request: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...request, signal: AbortSignal.timeout(ANSWER_MS) });
}

interface TraceInfo {
  readonly trace_metadata: Readonly<Record<string, string>>;
}

function tokensOf({ trace_metadata: said }: TraceInfo): number {
  const usage = JSON.parse(said["mlflow.trace.tokenUsage"] ?? "{}") as { total_tokens?: number };
  return usage.total_tokens ?? 0;
}

async function tracesIn(url: string): Promise<readonly TraceInfo[]> {
  const named = await asked(
    `${url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=${EXPERIMENT}`,
  );
  const { experiment } = (await named.json()) as { experiment: { experiment_id: string } };
  const location = {
    type: "MLFLOW_EXPERIMENT",
    mlflow_experiment: { experiment_id: experiment.experiment_id },
  };
  const traces: TraceInfo[] = [];
  for (let token = ""; ; ) {
    const response = await asked(`${url}/api/3.0/mlflow/traces/search`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        locations: [location],
        max_results: 500,
        ...(token === "" ? {} : { page_token: token }),
      }),
    });
    const page = (await response.json()) as { traces?: TraceInfo[]; next_page_token?: string };
    traces.push(...(page.traces ?? []));
    token = page.next_page_token ?? "";
    if (token === "") return traces;
  }
}
