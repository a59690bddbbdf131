import { expect, test } from "vitest";
import { html } from "./html.ts";

test("texts are escaped, pieces of HTML are not, undefined is nothing", () => {
  const name = `<b title="x">&`;
  const items = [html`<li>${1}</li>`, html`<li>${name}</li>`];
  expect(html`<ul>${items}${undefined}</ul>`.html).toBe(
    "<ul><li>1</li><li>&lt;b title=&quot;x&quot;&gt;&amp;</li></ul>",
  );
});
