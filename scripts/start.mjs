/**
 * `npm start`: the 1,000 applications of examples/credit-decision through the five agents, on SQLite, by the same command
 * that users have; then what became of them, whether every journal verifies, and what to type next.
 *
 *   npm start              takes up what an earlier start left: nothing runs twice
 *   npm start -- --fresh   sets the store of earlier starts aside first
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { conclusion } from "./start-summary.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BATON = join(ROOT, "dist", "cli", "main.js");
const APPLICATIONS = "examples/credit-decision/applications.jsonl";
/** The store that baton.config.ts names. */
const STORE = join(".baton", "credit-decision.db");

/** Runs one `baton` command; each line of its output goes to `take`. The progress bar is the command's own, on stderr. */
function baton(args, take) {
  return new Promise((resolve, reject) => {
    const stdio = ["ignore", "pipe", "inherit"];
    const child = spawn(process.execPath, [BATON, ...args], { cwd: ROOT, stdio });
    const lines = createInterface({ input: child.stdout });
    lines.on("line", take);
    const ended = new Promise((end) => lines.on("close", end));
    child.on("error", reject);
    child.on("close", (code) => ended.then(() => resolve(code ?? 1)));
  });
}

/** Renames the store with what SQLite keeps beside it; gives the new name, or undefined where there was none. */
function setAside() {
  if (!existsSync(join(ROOT, STORE))) return undefined;
  let n = 1;
  const name = () => STORE.replace(/\.db$/, `-${n}.db`);
  while (existsSync(join(ROOT, name()))) n += 1;
  for (const suffix of ["", "-wal", "-shm"]) {
    const from = join(ROOT, STORE + suffix);
    if (existsSync(from)) renameSync(from, join(ROOT, name() + suffix));
  }
  return name();
}

function announce(fresh) {
  const old = fresh ? setAside() : undefined;
  if (old !== undefined) console.log(`The store of earlier starts is now ${old}.`);
  const there = existsSync(join(ROOT, STORE));
  console.log(`Applications  ${APPLICATIONS}`);
  console.log(
    `Store         ${STORE}${there ? " (there already: what it has is taken up)" : " (new)"}\n`,
  );
}

async function runApplications(results) {
  const args = ["run", "credit-decision", APPLICATIONS, "--id-field", "id", "--count", "decision"];
  let summary;
  const code = await baton([...args, "--json"], (line) => {
    const found = JSON.parse(line);
    if (found.summary === undefined) results.push(found);
    else summary = found.summary;
  });
  return { code, summary };
}

async function verify() {
  let report;
  await baton(["verify", "--json"], (line) => {
    report = JSON.parse(line);
  });
  return report;
}

async function main() {
  const unknown = process.argv.slice(2).filter((argument) => argument !== "--fresh");
  if (unknown.length > 0) {
    console.error(`${unknown.join(" ")}: npm start takes no argument but \`-- --fresh\`.`);
    return 2;
  }
  mkdirSync(join(ROOT, ".baton"), { recursive: true });
  announce(process.argv.includes("--fresh"));
  const results = [];
  const { code, summary } = await runApplications(results);
  // Without a summary the command was stopped, or has said on stderr what is wrong.
  if (summary === undefined || summary.interrupted) {
    console.error("\nWhat was sealed is kept: npm start goes on from here.");
    console.error("With a new store (after a change of the example, say): npm start -- --fresh");
    return code === 0 ? 1 : code;
  }
  const lines = readFileSync(join(ROOT, APPLICATIONS), "utf8").trimEnd().split("\n").length;
  const report = await verify();
  console.log(conclusion({ summary, results, lines, report }));
  // Refused applications are an outcome of the work; a journal that does not verify is not.
  return report?.problems.length === 0 ? 0 : 1;
}

// Ctrl-C reaches the command too, which ends its steps and says so; this process waits for it.
process.on("SIGINT", () => undefined);
process.exitCode = await main();
