import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { type Exporter, sendAll } from "./sender.ts";

type Done = Parameters<Exporter<string>["export"]>[1];

test("an exporter that does not say what became of a batch did not take it, whatever it says later", async () => {
  const clock = virtualClock();
  const asked: Done[] = [];
  const exporter: Exporter<string> = {
    export: (_, done) => void asked.push(done),
    shutdown: () => Promise.resolve(),
  };
  const send = () => sendAll(exporter, ["a", "b"], () => expect.fail(), clock);
  const underWay = Promise.resolve("under way");
  const first = send();
  await clock.advance(29_999);
  expect(await Promise.race([first, underWay])).toBe("under way");
  await clock.advance(1);
  expect(await first).toMatchObject({ message: "There was no answer in 30 seconds." });
  const second = send();
  asked[0]?.({ code: 0 });
  await clock.advance(1_000);
  expect(await Promise.race([second, underWay])).toBe("under way");
  asked[1]?.({ code: 0 });
  expect(await second).toBeUndefined();
});
