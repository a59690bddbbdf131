/** Real processes that a test starts, talks to, and kills. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ChildAnswer, ChildOrder } from "./crash-child.ts";

export function projectPath(relative: string): string {
  return fileURLToPath(new URL(`../../${relative}`, import.meta.url));
}

/** Runs TypeScript as it stands, since Node 20 doesn't; the package's own names lead to the sources that this test sees, too. */
export const JITI = projectPath("node_modules/jiti/lib/jiti-cli.mjs");
export const SOURCES: Readonly<Record<string, string>> = {
  JITI_ALIAS: JSON.stringify({
    baton: projectPath("src/index.ts"),
    "baton/sqlite": projectPath("src/sqlite.ts"),
    "baton/otel": projectPath("src/otel.ts"),
  }),
};

export interface RealProcess {
  readonly pid: number;
  /** Sends an order, and gives the answer to it. */
  readonly ask: (order: ChildOrder) => Promise<ChildAnswer>;
  /** The first answer of this kind, past or to come. Rejects if the process ends before. */
  readonly heard: (did: ChildAnswer["did"], includes?: string) => Promise<ChildAnswer>;
  /** Sends a signal. For SIGKILL, resolves when the process is gone. */
  readonly signal: (name: NodeJS.Signals) => Promise<void>;
}

/** Starts crash-child, and waits until it is ready. */
export async function realProcess(): Promise<RealProcess> {
  const child = spawn(process.execPath, [JITI, projectPath("test/e2e/crash-child.ts")], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, ...SOURCES },
  });
  const answers: ChildAnswer[] = [];
  const woken: (() => void)[] = [];
  const wake = (): void => {
    for (const resolve of woken.splice(0)) resolve();
  };
  child.on("message", (answer: ChildAnswer) => {
    answers.push(answer);
    wake();
  });
  child.once("exit", wake);
  const heardAfter = async (
    after: number,
    did: ChildAnswer["did"],
    includes = "",
  ): Promise<ChildAnswer> => {
    for (;;) {
      const found = answers
        .slice(after)
        .find((answer) => answer.did === did && (answer.message ?? "").includes(includes));
      if (found !== undefined) return found;
      if (hasEnded(child)) throw new Error(`The process ended before it said "${did}".`);
      await new Promise<void>((resolve) => woken.push(resolve));
    }
  };
  const heard = (did: ChildAnswer["did"], includes?: string) => heardAfter(0, did, includes);
  await heard("ready");
  return {
    pid: child.pid ?? 0,
    ask: (order) => {
      const after = answers.length;
      child.send(order);
      return heardAfter(after, order.act);
    },
    heard,
    async signal(name) {
      if (hasEnded(child)) return;
      const gone = once(child, "exit");
      child.kill(name);
      if (name === "SIGKILL") await gone;
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
