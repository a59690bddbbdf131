import { expect, test } from "vitest";
import { invalidations, ttlCache } from "./cache.ts";
import { virtualOrder } from "../virtual/virtual-order.ts";

test("an entry is gone when its time to live has passed, and not before", async () => {
  const time = virtualOrder();
  const cache = ttlCache<number>(time, 100);
  const seen: (number | undefined)[] = [];
  cache.set("a", 1);
  for (const ms of [99, 100]) void time.pass(ms).then(() => seen.push(cache.get("a")));
  await time.run();
  expect(seen).toEqual([1, undefined]);
});

test("an invalidation reaches who listens; who does not keeps the entry, and nobody is told", () => {
  const time = virtualOrder();
  const caches = [ttlCache<number>(time, 100), ttlCache<number>(time, 100)];
  for (const cache of caches) cache.set("a", 1);
  invalidations(
    caches,
    (replica) => replica === 1,
    () => false,
  ).publish("a");
  expect(caches.map((cache) => cache.get("a"))).toEqual([1, undefined]);
});

test("a channel that refuses changes no cache", () => {
  const cache = ttlCache<number>(virtualOrder(), 100);
  cache.set("a", 1);
  const channel = invalidations(
    [cache],
    () => true,
    () => true,
  );
  expect(() => channel.publish("a")).toThrow("not there");
  expect(cache.get("a")).toBe(1);
});

test("who is due first goes first, and of two that are due together the first who asked", async () => {
  const time = virtualOrder();
  const order: string[] = [];
  const wait = async (name: string, ms: number) => {
    await time.pass(ms);
    order.push(`${name} ${time.now()}`);
  };
  void wait("late", 20);
  void wait("first", 10);
  void wait("second", 10).then(() => wait("again", 5));
  await time.run();
  expect(order).toEqual(["first 10", "second 10", "again 15", "late 20"]);
});
