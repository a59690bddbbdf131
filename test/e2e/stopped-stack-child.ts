/** Starts an MLflow as the reference stack does, between a folder that it removes and an end that fails. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { workToTheEnd } from "../../examples/reference-stack/ending.ts";
import { startServers } from "../../examples/reference-stack/servers/servers.ts";

const tell = () => undefined;
const people = { owner: "ada", principal: "grace" };

await workToTheEnd(async (ends) => {
  const folder = mkdtempSync(join(tmpdir(), "baton-stack-"));
  ends.push(() => rmSync(folder, { recursive: true }));
  ends.push(() => {
    throw new Error("it can't be ended");
  });
  await startServers({ wanted: (system) => system === "mlflow", tell, ends, ...people });
  return { code: 0 };
});
