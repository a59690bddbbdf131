/** How serving over stdio ends: whatever its client does, and whenever it is told to. */
import { PassThrough, Writable } from "node:stream";
import { mcpServer } from "baton/mcp";
import { expect, onTestFinished, test } from "vitest";
import { gate } from "../support/opened.ts";
import { openLending } from "./lending.ts";

const INITIALIZE = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "by hand", version: "1.0.0" },
  },
};
const CALL = {
  jsonrpc: "2.0",
  id: 2,
  method: "tools/call",
  params: {
    name: "credit_lending",
    arguments: { applicant: "ada", amount: 100 },
    _meta: { progressToken: 1 },
  },
};

async function opened() {
  const baton = await openLending();
  onTestFinished(() => baton.close());
  return { baton, server: await mcpServer(baton) };
}

test.each(["the end of stdin", "a close"])(
  "a client that reads nothing any more does not keep it from ending at %s",
  async (what) => {
    const { baton, server } = await opened();
    const input = new PassThrough();
    const greeted = gate();
    // The first answer is written, and nothing after it.
    const output = new Writable({ highWaterMark: 1, write: () => greeted.open() });
    const ended = server.stdio({ input, output });
    const say = (frame: object) => input.write(`${JSON.stringify(frame)}\n`);
    say(INITIALIZE);
    await greeted.promise;
    say({ jsonrpc: "2.0", method: "notifications/initialized" });
    say(CALL);
    const runs = async () => (await baton.runs()).map(({ status }) => status);
    await expect.poll(runs).toEqual(["completed"]);
    if (what === "a close") await server.close();
    else input.end();
    await ended;
  },
);

test("one that is closed while it begins to serve does not serve", async () => {
  const { server } = await opened();
  const ended = server.stdio({ input: new PassThrough(), output: new PassThrough() });
  await server.close();
  await expect(ended).resolves.toBeUndefined();
});
