/**
 * A shop and two warehouses over NATS, each with a store of its own. The shop's process, which relays, the warehouses' and the
 * server are killed at moments that a seed draws, and begun again.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "baton";
import { sqlite } from "baton/sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { JITI, projectPath } from "../e2e/real-process.ts";
import { seeded } from "../e2e/seeded.ts";
import type { Deployment, Order, Told } from "./deployment-child.ts";
import { type NatsServer, natsServer } from "../../bench/nats-server.ts";
import { Booked, Ordered, type OrderData, Packed, shopOf } from "./shop.ts";

const CUSTOMERS = ["ada", "bob", "cy", "dot", "eve", "fay", "gus", "hal"];
const ORDERS_EACH = 40;
const ORDERS = CUSTOMERS.length * ORDERS_EACH;
const KILLS = 12;

const ENVIRONMENT = {
  ...process.env,
  JITI_ALIAS: JSON.stringify({
    baton: projectPath("src/index.ts"),
    "baton/sqlite": projectPath("src/sqlite.ts"),
    "baton/nats": projectPath("src/nats.ts"),
  }),
};

interface Running {
  readonly send: (order: Order) => void;
  readonly kill: () => Promise<void>;
  readonly close: () => Promise<void>;
}

async function start(deployment: Deployment, told: (told: Told) => void): Promise<Running> {
  const child: ChildProcess = spawn(
    process.execPath,
    [JITI, projectPath("test/nats/deployment-child.ts"), JSON.stringify(deployment)],
    { stdio: ["ignore", "inherit", "inherit", "ipc"], env: ENVIRONMENT },
  );
  const gone = once(child, "exit");
  await new Promise<void>((resolve, reject) => {
    child.on("message", (each: Told) => (each.did === "open" ? resolve() : told(each)));
    child.once("exit", () => reject(new Error(`${deployment.group} ended before it was open.`)));
  });
  return {
    send: (order) => child.send(order),
    kill: async () => {
      child.kill("SIGKILL");
      await gone;
    },
    close: async () => {
      child.send({ act: "close" } satisfies Order);
      await gone;
    },
  };
}

/** The shop, its warehouses and the server, and what has been seen of them. */
class World {
  readonly running = new Map<string, Running>();
  /** By customer, how many orders are known to be in the shop's journal. */
  readonly published = new Map(CUSTOMERS.map((customer) => [customer, 0]));
  readonly folder: string;
  readonly server: NatsServer;
  seen = 0;
  private wake: () => void = () => {};

  constructor(folder: string, server: NatsServer) {
    this.folder = folder;
    this.server = server;
  }

  async begin(group: string): Promise<void> {
    const role = group === "shop" ? "shop" : "warehouse";
    const deployment = {
      group,
      role,
      file: this.file(group),
      server: this.server.address,
    } as const;
    this.running.set(group, await start(deployment, (told) => this.heard(told)));
    if (group === "shop") this.order();
  }

  /** What is not known to be published is asked for, again perhaps: each customer's from the first of them on. */
  private order(): void {
    for (const [customer, done] of this.published) {
      const orders: OrderData[] = [];
      for (let n = done + 1; n <= ORDERS_EACH; n += 1) orders.push({ customer, n });
      if (orders.length > 0) this.running.get("shop")?.send({ act: "publish", orders });
    }
  }

  private heard(told: Told): void {
    this.seen += 1;
    if (told.did === "publish") this.published.set(told.order.customer, told.order.n);
    this.wake();
  }

  /** Resolves once so much has happened, or all that should. */
  async until(isReached: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isReached())) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  async hit(victim: string): Promise<void> {
    if (victim === "server") {
      await this.server.kill();
      await this.server.start();
      return;
    }
    await this.running.get(victim)?.kill();
    await this.begin(victim);
  }

  file(group: string): string {
    return join(this.folder, `${group}.db`);
  }
}

const GROUPS = ["shop", "north", "south"];
let world: World;

beforeEach(async () => {
  world = new World(mkdtempSync(join(tmpdir(), "baton-nats-crashes-")), await natsServer());
});
afterEach(async () => {
  for (const each of world.running.values()) await each.kill();
  await world.server.dispose();
  rmSync(world.folder, { recursive: true });
});

/** A store, read beside the process that writes it, or after it. */
async function reading<X>(
  group: string,
  act: (baton: Awaited<ReturnType<typeof open>>) => Promise<X>,
) {
  const { sell, book, pack } = shopOf(() => {});
  const workflows = group === "shop" ? [sell, book] : [pack];
  const baton = await open({ store: sqlite(world.file(group)), workflows, readOnly: true });
  try {
    return await act(baton);
  } finally {
    await baton.close();
  }
}

/** The results that a store's runs have sealed, by customer, in the order in which they were. */
async function resultsIn(
  group: string,
  topic: string,
): Promise<ReadonlyMap<string, readonly number[]>> {
  return await reading(group, async (baton) => {
    const results = new Map<string, number[]>();
    for await (const { data, origin } of baton.events(topic)) {
      // Those of this very store.
      if (origin !== undefined) continue;
      const { customer, n } = data as { readonly customer: string; readonly n: number };
      results.set(customer, [...(results.get(customer) ?? []), n]);
    }
    return results;
  });
}

/** What came to the shop, by where it was packed and for whom, in the order in which it came. */
async function packedInShop(): Promise<ReadonlyMap<string, readonly number[]>> {
  return await reading("shop", async (baton) => {
    const came = new Map<string, number[]>();
    for await (const { data, key, origin = "" } of baton.events(Packed.name)) {
      const from = `${origin.split("/")[2]} ${key}`;
      came.set(from, [...(came.get(from) ?? []), (data as { readonly n: number }).n]);
    }
    expect(came.size).toBe(2 * CUSTOMERS.length);
    return came;
  });
}

const total = (results: ReadonlyMap<string, readonly number[]>) =>
  [...results.values()].flat().length;
const inOrder = Array.from({ length: ORDERS_EACH }, (_, i) => i + 1);

test.each([1, 2, 3])(
  "each event reaches each group and is handled once, in order, whoever is killed (seed %i)",
  async (seed) => {
    const draw = seeded(seed);
    // In all so many things are told of: each order published, packed in two places, and booked for each of these.
    const happens = ORDERS * 5;
    const victims = [...GROUPS, "server"];
    const plan = Array.from({ length: KILLS }, (_, i) => ({
      victim: victims[i < victims.length ? i : Math.floor(draw() * victims.length)] ?? "server",
      after: Math.floor(((i + draw()) / KILLS) * happens * 0.9),
    }));
    for (const group of ["north", "south", "shop"]) await world.begin(group);
    for (const { victim, after } of plan) {
      await world.until(() => world.seen >= after);
      await world.hit(victim);
    }
    await world.until(() => [...world.published.values()].every((n) => n === ORDERS_EACH));
    // What was executed and not committed is executed again: what counts is what the journals say.
    for (const [group, topic, wanted] of [
      ["north", Packed.name, ORDERS],
      ["south", Packed.name, ORDERS],
      ["shop", Booked.name, 2 * ORDERS],
    ] as const) {
      while (total(await resultsIn(group, topic)) < wanted)
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const each of world.running.values()) await each.close();

    for (const group of ["north", "south"]) {
      const packed = await resultsIn(group, Packed.name);
      expect(Object.fromEntries(packed)).toEqual(
        Object.fromEntries(CUSTOMERS.map((customer) => [customer, inOrder])),
      );
      const begun = await reading(group, (baton) => baton.runs({ limit: 10_000 }));
      expect(begun.filter(({ status }) => status === "completed")).toHaveLength(ORDERS);
      expect(begun).toHaveLength(ORDERS);
    }
    const booked = await resultsIn("shop", Booked.name);
    for (const customer of CUSTOMERS) {
      const numbers = [...(booked.get(customer) ?? [])].sort((a, b) => a - b);
      // Once for each warehouse.
      expect(numbers).toEqual(inOrder.flatMap((n) => [n, n]));
    }
    for (const numbers of (await packedInShop()).values()) expect(numbers).toEqual(inOrder);
    for (const group of GROUPS) {
      expect(await reading(group, (baton) => baton.verify())).toMatchObject({ problems: [] });
      expect(await reading(group, (baton) => baton.refusedMessages())).toEqual([]);
    }
    expect(
      await reading("shop", async (baton) =>
        (await baton.topics()).map(({ name, events }) => [name, events]),
      ),
    ).toContainEqual([Ordered.name, ORDERS]);
  },
);
