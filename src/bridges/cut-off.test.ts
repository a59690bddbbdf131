import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { askedAgain } from "./cut-off.ts";

/** A server that cuts the connection off so many times, and answers then. */
async function cutting(times: number) {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    if (requests <= times) request.socket.destroy();
    else response.end("here");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, requests: () => requests };
}

test("who was cut off is asked once more", async () => {
  const { url, requests } = await cutting(1);
  expect(await (await askedAgain(() => fetch(url))).text()).toBe("here");
  expect(requests()).toBe(2);
});

test("and not again, nor after what is no cut", async () => {
  const { url, requests } = await cutting(5);
  await expect(askedAgain(() => fetch(url))).rejects.toThrow("fetch failed");
  expect(requests()).toBe(2);
  const asked = (error: unknown) => {
    let times = 0;
    const ask = () => {
      times += 1;
      return Promise.reject(error);
    };
    return askedAgain(ask).catch(() => times);
  };
  expect(await asked(new Error("no"))).toBe(1);
  const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  expect(await asked(new TypeError("fetch failed", { cause: refused }))).toBe(1);
});
