/** Runs an order without Baton: processes that live until the order is done or they die, and what calls the handler again. */
import { virtualOrder, type VirtualOrder } from "../virtual/virtual-order.ts";
import { placeOrder, type Process, type Row, type Style } from "./handler.ts";
import type { OrderResult, Told } from "./outcome.ts";
import type { Parameters } from "./parameters.ts";
import type { Fate } from "./plan.ts";
import { openWorld, type World } from "./world.ts";

interface Lab {
  readonly fate: Fate;
  readonly parameters: Parameters;
  readonly time: VirtualOrder;
  readonly world: World;
  row: Row;
  writes: number;
  told: Told;
}

/** One order. */
export async function runWithoutSaga(
  fate: Fate,
  parameters: Parameters,
  style: Style,
): Promise<OrderResult> {
  const time = virtualOrder();
  const world = openWorld(fate, parameters);
  const lab: Lab = { fate, parameters, time, world, row: PLACED, writes: 0, told: "nobody" };
  let tookMs = 0;
  void deliver(lab, style).then(() => {
    tookMs = time.now();
  });
  await time.run();
  const { row, writes, told } = lab;
  const { status, charge } = row;
  const saysPaid = status === "shipped" || (status !== "failed" && charge !== undefined);
  const finished = status === "shipped" || status === "failed";
  return { facts: world.facts(), story: world.story, saysPaid, finished, told, writes, tookMs };
}

const PLACED: Row = { status: "placed" };

type End = "done" | "failed" | "died";

async function deliver(lab: Lab, style: Style): Promise<void> {
  const { time, fate, parameters } = lab;
  if (style === "request") {
    if ((await live(lab, style)) === "died" && fate.comesBack) {
      await time.pass(parameters.comesBackMs);
      lab.world.note("the customer tries again");
      await live(lab, style);
    }
    return;
  }
  for (let delivery = 1; delivery <= parameters.deliveries; delivery += 1) {
    if (delivery > 1) {
      await time.pass(parameters.deliveredAgainMs);
      lab.world.note("the queue delivers the message again");
    }
    if ((await live(lab, style)) === "done") return;
  }
  lab.told = "deadLetter";
}

/** One process, until the handler is through or the process dies. */
async function live(lab: Lab, style: Style): Promise<End> {
  const { fate, parameters, time, world } = lab;
  let dead = false;
  let dying = false;
  let tellDied: (end: End) => void = () => {};
  const died = new Promise<End>((resolve) => {
    tellDied = resolve;
  });
  const dies = async () => {
    dead = true;
    tellDied("died");
    await never();
  };
  // What a dead process still waits for never comes: so it does nothing more.
  const alive: VirtualOrder = {
    ...time,
    pass: async (ms) => {
      await time.pass(ms);
      if (dead) await never();
    },
  };
  const process: Process = {
    ...{ world, parameters, order: fate.id, time: alive },
    row: () => lab.row,
    save: async (change) => {
      await alive.pass(parameters.writeMs);
      lab.row = { ...lab.row, ...change };
      lab.writes += 1;
      world.note(`row: ${JSON.stringify(change)}`);
      if (dying) await dies();
    },
    log: () => {
      if (lab.told === "nobody") lab.told = "log";
    },
    die: async (moment) => {
      if (moment === "committed") dying = true;
      else await dies();
    },
  };
  const handled = placeOrder(process, style).then(
    (): End => "done",
    (): End => "failed",
  );
  return await Promise.race([handled, died]);
}

function never(): Promise<never> {
  return new Promise<never>(() => {});
}
