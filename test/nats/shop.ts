/** What the deployments of the crash test run: a shop that sells, warehouses that pack, and the shop again, which books. */
import { agent, choreography, contract, on, topic, type Workflow, workflow } from "baton";
import { z } from "zod";

const Order = contract("order", "1.0.0", z.object({ customer: z.string(), n: z.int() }));
const key = ({ customer }: { readonly customer: string }) => customer;
export const Ordered = topic("shop.ordered", Order, { key });
export const Packed = topic("shop.packed", Order, { key });
export const Booked = topic("shop.booked", Order, { key });

export interface OrderData {
  readonly customer: string;
  readonly n: number;
}

export interface Shop {
  readonly sell: Workflow<OrderData, OrderData>;
  readonly book: Workflow<OrderData, OrderData>;
  readonly pack: Workflow<OrderData, OrderData>;
}

/** Every execution of an agent is told. */
export function shopOf(executed: (agent: string) => void): Shop {
  const worker = (name: string) =>
    agent({
      name,
      version: "1.0.0",
      input: Order,
      output: Order,
      execute: async ({ customer, n }) => {
        executed(name);
        // Orders get out of step with each other, as real ones are.
        for (let turn = 0; turn < (n * 7) % 5; turn += 1)
          await new Promise((resolve) => setImmediate(resolve));
        return { customer, n };
      },
    });
  return {
    sell: workflow("sell", "1.0.0", { input: Order })
      .emit("ordered", Ordered, { data: ({ input }) => input })
      .output(({ input }) => input),
    book: choreography("book", "1.0.0", {
      starts: Packed,
      ends: Booked,
      deadline: "1h",
      subscriptions: { book: on(Packed, worker("book"), { publishes: Booked }) },
    }),
    pack: choreography("pack", "1.0.0", {
      starts: Ordered,
      ends: Packed,
      deadline: "1h",
      subscriptions: { pack: on(Ordered, worker("pack"), { publishes: Packed }) },
    }),
  };
}
