/** A2A in Python: a client and an agent made with the SDK of PyPI, each a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { installedIn, installFromPypi } from "../../examples/reference-stack/servers/installing.ts";

/** Gives why it can't be installed. */
export function installA2a(): string | undefined {
  return installFromPypi("a2a", ["a2a-sdk[http-server]==1.3.0", "uvicorn==0.54.0"]);
}

/**
 * Sends an order, answers what is asked, and prints a line of JSON for each event: over the binding that it is told, with streams
 * and without.
 */
const CLIENT = `
import asyncio, json, sys
import httpx
from google.protobuf.json_format import MessageToDict
from a2a.client import ClientConfig, ClientFactory
from a2a.helpers import new_data_part
from a2a.types.a2a_pb2 import CancelTaskRequest, GetTaskRequest, ListTasksRequest, Message, Role, SendMessageRequest

url, binding, streaming = sys.argv[1], sys.argv[2], sys.argv[3] == "stream"

def say(what, event):
    print(json.dumps({"what": what, **MessageToDict(event)}), flush=True)

async def main():
    http = httpx.AsyncClient(headers={"authorization": "Bearer python"}, timeout=60)
    config = ClientConfig(streaming=streaming, httpx_client=http, supported_protocol_bindings=[binding])
    client = await ClientFactory(config).create_from_url(url)
    name = f"{binding.replace('+', '-')}-{sys.argv[3]}"
    async def send(what, message_id, data, task_id=""):
        message = Message(message_id=message_id, role=Role.ROLE_USER, parts=[new_data_part(data)], task_id=task_id)
        async for event in client.send_message(SendMessageRequest(message=message)):
            say(what, event)
    await send("order", name, {"item": "nail", "count": 3})
    await send("answer", f"{name}-yes", {"approved": True}, name)
    say("task", await client.get_task(GetTaskRequest(id=name)))
    say("list", await client.list_tasks(ListTasksRequest(page_size=10)))
    await send("refused", f"{name}-wrong", {"item": 5})
    await send("order", f"{name}-2", {"item": "nail", "count": 1})
    say("cancelled", await client.cancel_task(CancelTaskRequest(id=f"{name}-2")))
    try:
        await client.get_task(GetTaskRequest(id="nobody"))
    except Exception as error:
        print(json.dumps({"what": "error", "error": type(error).__name__}), flush=True)
    await client.close()

asyncio.run(main())
`;

/** An agent that prices orders; one for a "bomb" fails, one for a "riddle" asks. Prints its port's readiness by answering. */
const AGENT = `
import sys
import uvicorn
from starlette.applications import Starlette
from a2a.helpers import get_data_parts, new_data_part, new_task_from_user_message, new_text_message
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, TaskState

port, binding, streaming = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "stream"
url = f"http://127.0.0.1:{port}"

class Pricer(AgentExecutor):
    async def execute(self, context, queue):
        task = new_task_from_user_message(context.message)
        await queue.enqueue_event(task)
        updater = TaskUpdater(queue, task.id, task.context_id)
        order = get_data_parts(context.message.parts)[0]
        await updater.start_work()
        if order["item"] == "bomb":
            return await updater.failed(new_text_message("no bombs"))
        if order["item"] == "riddle":
            return await updater.requires_input(new_text_message("which one?"))
        await updater.add_artifact([new_data_part({"cents": 100 * int(order["count"])})])
        await updater.complete()

    async def cancel(self, context, queue):
        await TaskUpdater(queue, context.task_id, context.context_id).cancel()

card = AgentCard(
    name="pricer", description="Prices orders.", version="1.0.0",
    supported_interfaces=[AgentInterface(url=url, protocol_binding=binding, protocol_version="1.0")],
    capabilities=AgentCapabilities(streaming=streaming),
    default_input_modes=["application/json"], default_output_modes=["application/json"],
    skills=[AgentSkill(id="pricing", name="Pricing", description="Prices.", tags=["prices"])],
)
handler = DefaultRequestHandler(agent_executor=Pricer(), task_store=InMemoryTaskStore(), agent_card=card)
routes = create_jsonrpc_routes(handler, "/") if binding == "JSONRPC" else create_rest_routes(handler)
app = Starlette(routes=[*create_agent_card_routes(card), *routes])
uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
`;

function python(program: string, args: readonly string[]): ChildProcess {
  return spawn(join(installedIn("a2a"), "venv/bin/python"), ["-c", program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

export type Binding = "JSONRPC" | "HTTP+JSON";
export type Listening = "stream" | "whole";

/** What a client in Python has heard, line by line. */
export async function pythonClient(
  url: string,
  binding: Binding,
  listening: Listening,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const child = python(CLIENT, [url, binding, listening]);
  const lines: Readonly<Record<string, unknown>>[] = [];
  if (child.stdout === null) throw new Error("The client has no output.");
  for await (const line of createInterface(child.stdout)) {
    // Our own program prints it.
    lines.push(JSON.parse(line) as Readonly<Record<string, unknown>>);
  }
  return lines;
}

export interface PythonAgent {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Starts an agent in Python, which answers once it is there. */
export function pythonAgent(port: number, binding: Binding, listening: Listening): PythonAgent {
  const child = python(AGENT, [`${port}`, binding, listening]);
  return {
    url: `http://127.0.0.1:${port}/`,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}
