import { expect, test } from "vitest";
import { bodyBeginning, limitedText } from "./limited-body.ts";

/** A body of these pieces, which is then left open, closed or broken; and whether it was left. */
function bodyOf(pieces: readonly string[], then: "open" | "closed" | "broken") {
  const left = { is: false };
  const queue = [...pieces];
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const piece = queue.shift();
      if (piece !== undefined) controller.enqueue(new TextEncoder().encode(piece));
      else if (then === "closed") controller.close();
      else if (then === "broken") controller.error(new Error("broken"));
    },
    cancel: () => {
      left.is = true;
    },
  });
  return { body, left };
}

const tooLong = () => new RangeError("too long");

test("a body is read to its end, to its limit, and until it is enough", async () => {
  const limit = { bytesMax: 4, tooLong };
  expect(await limitedText(bodyOf(["ab", "cd"], "closed"), limit)).toBe("abcd");
  const long = bodyOf(["ab", "cde"], "open");
  await expect(limitedText(long, limit)).rejects.toThrow("too long");
  expect(long.left.is).toBe(true);
  await expect(limitedText(bodyOf(["ab"], "broken"), limit)).rejects.toThrow("broken");
  const enough = new AbortController();
  const open = bodyOf(["ab"], "open");
  const reading = limitedText(open, { ...limit, enough: enough.signal });
  setImmediate(() => enough.abort());
  expect(await reading).toBe("ab");
  expect(open.left.is).toBe(true);
  expect(await limitedText(bodyOf(["ab"], "open"), { ...limit, enough: enough.signal })).toBe("");
});

test("of a body that is only quoted, what came is what there is", async () => {
  expect(await bodyBeginning({ body: null }, { bytesMax: 4 })).toBe("");
  expect(await bodyBeginning(bodyOf(["ab"], "broken"), { bytesMax: 4 })).toBe("ab");
  const long = bodyOf(["ab", "cde"], "open");
  expect(await bodyBeginning(long, { bytesMax: 4 })).toBe("abcd");
  expect(long.left.is).toBe(true);
});
