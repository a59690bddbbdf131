/** The process that is killed: opens the store at argv[2], starts argv[4] runs (or joins them), and goes on until they end. */
import { finishRuns } from "./recover-runs.ts";

const [, , file = "", executions = "", runs = "0"] = process.argv;
await finishRuns(file, executions, Number(runs));
