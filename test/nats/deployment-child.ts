/** A deployment to be killed: opens its store and the bus, and does what its parent says by message. */
import { open } from "baton";
import { nats } from "baton/nats";
import { sqlite } from "baton/sqlite";
import { Ordered, type OrderData, shopOf } from "./shop.ts";

/** What a child is started with, as JSON in its only argument. */
export interface Deployment {
  readonly group: string;
  readonly file: string;
  readonly server: string;
  /** `shop` sells and books, `warehouse` packs. */
  readonly role: "shop" | "warehouse";
}

/** What the parent says: publish these, one after the other; or close. */
export type Order =
  | { readonly act: "publish"; readonly orders: readonly OrderData[] }
  | { readonly act: "close" };

/** What the child tells. */
export type Told =
  | { readonly did: "open" | "execute" | "close" }
  | { readonly did: "publish"; readonly order: OrderData };

function say(told: Told): void {
  process.send?.(told);
}

const { group, file, server, role } = JSON.parse(process.argv[2] ?? "{}") as Deployment;
const { sell, book, pack } = shopOf(() => say({ did: "execute" }));
const baton = await open({
  // A kill is survived; that power is lost costs a flush for each commit, and is tested elsewhere.
  store: sqlite(file, { durability: "process-crash" }),
  workflows: role === "shop" ? [sell, book] : [pack],
  bus: nats({ servers: server, from: "beginning" }),
  group,
});

/** Every second order is a run that emits, the others are published; either under an id that makes it one, however often it is asked for. */
async function publish(order: OrderData): Promise<void> {
  const id = `${order.customer}-${order.n}`;
  if (order.n % 2 === 0) await (await baton.start(sell, order, { id })).result();
  else await baton.publish(Ordered, order, { id });
  say({ did: "publish", order });
}

/** Each customer's orders are sent after each other by the parent. */
async function obey(order: Order): Promise<void> {
  if (order.act === "publish") {
    for (const each of order.orders) await publish(each);
    return;
  }
  await baton.close();
  say({ did: "close" });
  process.disconnect();
}

process.on("message", (order: Order) => void obey(order));
process.on("disconnect", () => process.exit());
say({ did: "open" });
