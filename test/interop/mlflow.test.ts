/**
 * Traces in a real MLflow, by its own search API: every agent call is there once, with the latency, input, output and tokens that
 * the journal has, after processes that died and history that was sent again.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Baton, type Entry, open } from "baton";
import { mlflow } from "baton/otel";
import { sqlite } from "baton/sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { JITI, SOURCES } from "../e2e/real-process.ts";
import {
  installMlflow,
  type Mlflow,
  startMlflow,
  until,
} from "../../examples/reference-stack/servers/mlflow.ts";
import { EXPERIMENT, RUNS, scoring } from "./mlflow-runs.ts";

const CHILD = fileURLToPath(new URL("./mlflow-child.ts", import.meta.url));
const KILLS = 3;
const missing = installMlflow();

interface Attribute {
  readonly key: string;
  readonly value: Value;
}
interface Value {
  readonly string_value?: string;
  readonly int_value?: number | string;
  readonly kvlist_value?: { readonly values?: readonly Attribute[] };
}
interface MlflowSpan {
  readonly name: string;
  readonly start_time_unix_nano: number | string;
  readonly end_time_unix_nano: number | string;
  readonly attributes: readonly Attribute[];
}
interface TraceInfo {
  readonly trace_id: string;
  readonly state: string;
  readonly trace_metadata: Readonly<Record<string, string>>;
}

describe.skipIf(missing !== undefined)("MLflow", () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-interop-"));
  const path = join(folder, "baton.db");
  let server: Mlflow;

  beforeAll(async () => {
    server = await startMlflow();
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test(`has each agent call of ${RUNS} runs once, after ${KILLS} kills and a second sending`, async () => {
    for (let life = 0; life < KILLS; life += 1)
      await killedAfter(((life + 1) * RUNS) / (KILLS + 1));
    await untilDone();
    const baton = await open({
      store: sqlite(path),
      workflows: [scoring],
      readOnly: true,
      tracing: mlflow({ url: server.url, experiment: EXPERIMENT }),
    });
    await baton.exportTraces();
    const infos = await searched(server.url);
    const runs = await baton.runs({ limit: 10_000 });
    expect(runs).toHaveLength(RUNS);
    expect(infos).toHaveLength(RUNS);
    const bySession = new Map(
      infos.map((info) => [info.trace_metadata["mlflow.trace.session"], info]),
    );
    for (const { id } of runs) {
      const info = bySession.get(id);
      expect(info, id).toMatchObject({
        state: "OK",
        trace_metadata: { "mlflow.trace.user": "ada" },
      });
      if (info !== undefined) await compare(baton, id, info);
    }
    await baton.close();
  });

  /** A process that executes is killed once so many runs have ended. */
  async function killedAfter(runs: number): Promise<void> {
    const child = begin();
    await until(300_000, async () => (await ended()) >= runs);
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async function untilDone(): Promise<void> {
    const [code] = (await once(begin(), "exit")) as readonly unknown[];
    expect(code).toBe(0);
    expect(await ended()).toBe(RUNS);
  }

  function begin() {
    return spawn(process.execPath, [JITI, CHILD, path, server.url], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, ...SOURCES },
    });
  }

  async function ended(): Promise<number> {
    const baton = await open({ store: sqlite(path), workflows: [], readOnly: true });
    try {
      return (await baton.runs({ status: "completed", limit: 10_000 })).length;
    } finally {
      await baton.close();
    }
  }

  async function compare(baton: Baton, run: string, info: TraceInfo): Promise<void> {
    const entries: Entry[] = [];
    const outputs = new Map<string, unknown>();
    const inputs = new Map<string, unknown>();
    for await (const { entry, value } of baton.entries(run)) {
      entries.push(entry);
      // Each step takes what the one before gave, the first one what the run was given.
      if (entry.kind === "run.started") inputs.set("first", value);
      if (entry.kind !== "step.sealed") continue;
      outputs.set(entry.path ?? "", value);
      if (entry.path === "first") inputs.set("second", value);
    }
    const attempts = entries.filter(
      ({ kind }) => kind === "step.sealed" || kind === "attempt.failed",
    );
    const response = await fetch(
      `${server.url}/api/3.0/mlflow/traces/get?trace_id=${info.trace_id}`,
    );
    const { trace } = (await response.json()) as {
      readonly trace: { readonly spans: readonly MlflowSpan[] };
    };
    const calls = trace.spans.filter(({ name }) => name.startsWith("invoke_agent "));
    const seen = calls.map((span) => {
      const of = said(span);
      // JSON's numbers are not exact there, to some hundred nanoseconds.
      const ms = (Number(span.end_time_unix_nano) - Number(span.start_time_unix_nano)) / 1_000_000;
      return {
        place: `${String(of["baton.path"])} ${String(of["baton.attempt"])}`,
        ms: Math.round(ms),
        input: of["mlflow.spanInputs"],
        output: of["mlflow.spanOutputs"],
        tokens: of["mlflow.chat.tokenUsage"],
      };
    });
    const expected = attempts.map(({ path: step, attempt, payload, kind }) => {
      const { usage } = payload as unknown as {
        usage: readonly { inputTokens: number; outputTokens: number }[];
      };
      const [used] = usage;
      return {
        place: `${step} ${attempt}`,
        ms: payload["tookMs"],
        input: inputs.get(step ?? ""),
        output: kind === "step.sealed" ? outputs.get(step ?? "") : undefined,
        tokens: {
          input_tokens: used?.inputTokens,
          output_tokens: used?.outputTokens,
          total_tokens: (used?.inputTokens ?? 0) + (used?.outputTokens ?? 0),
        },
      };
    });
    const inOrder = <X extends { readonly place: string }>(list: readonly X[]) =>
      list.toSorted((a, b) => (a.place < b.place ? -1 : 1));
    expect(inOrder(seen)).toEqual(inOrder(expected));
    const total = expected.reduce((sum, { tokens }) => sum + tokens.total_tokens, 0);
    const counted = JSON.parse(info.trace_metadata["mlflow.trace.tokenUsage"] ?? "{}") as {
      readonly total_tokens?: number;
    };
    expect(counted.total_tokens).toBe(total);
  }
});

async function searched(url: string): Promise<readonly TraceInfo[]> {
  const found = await fetch(
    `${url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=${EXPERIMENT}`,
  );
  const { experiment } = (await found.json()) as {
    readonly experiment: { readonly experiment_id: string };
  };
  const infos: TraceInfo[] = [];
  for (let token: string | undefined; ; ) {
    const response = await fetch(`${url}/api/3.0/mlflow/traces/search`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        locations: [
          {
            type: "MLFLOW_EXPERIMENT",
            mlflow_experiment: { experiment_id: experiment.experiment_id },
          },
        ],
        max_results: 500,
        ...(token === undefined ? {} : { page_token: token }),
      }),
    });
    const page = (await response.json()) as {
      readonly traces?: readonly TraceInfo[];
      readonly next_page_token?: string;
    };
    infos.push(...(page.traces ?? []));
    token = page.next_page_token;
    if (token === undefined || token === "") return infos;
  }
}

function said({ attributes }: MlflowSpan): Readonly<Record<string, unknown>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

function plain({ string_value, int_value, kvlist_value }: Value): unknown {
  if (kvlist_value !== undefined)
    return Object.fromEntries(
      (kvlist_value.values ?? []).map(({ key, value }) => [key, plain(value)]),
    );
  return int_value === undefined ? string_value : Number(int_value);
}
