/** HTML as text: what is put into a template is escaped, unless it is HTML itself. */

/** A piece of HTML, as opposed to text. */
export interface Html {
  readonly html: string;
}

type Part = string | number | undefined | Html | readonly Html[];

/** `html\`<b>${text}</b>\``: texts are escaped, pieces of HTML and lists of them are taken as they are, undefined is nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const text = strings.map((string, index) => string + written(parts[index])).join("");
  return { html: text };
}

function written(part: Part): string {
  if (part === undefined) return "";
  if (typeof part === "string" || typeof part === "number") return escaped(String(part));
  if ("html" in part) return part.html;
  return part.map((each) => each.html).join("");
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** A table that scrolls sideways where it must, by keyboard too. */
export function scrolling(label: string, content: Html): Html {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${content}</div>`;
}
