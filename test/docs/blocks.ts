/**
 * The code blocks of a Markdown page, with what the HTML comment before each says of it:
 *
 *   <!-- not run: why -->      the block is neither compiled nor run
 *   <!-- file: agents.ts -->   the block is that file of the page's folder from here on
 *   <!-- ends with 1 -->       the last command of the block ends with this exit code
 *   <!-- folder: project -->   once at the top of a page: what its folder holds at first (see folders.ts)
 */
export interface Block {
  /** The language of the fence; empty if it has none. */
  readonly language: string;
  readonly text: string;
  /** The line of the block's first line in the page, from 1. */
  readonly line: number;
  readonly notRun?: string;
  readonly file?: string;
  readonly exitCode: number;
  /** The text block that follows a block of commands: what they print. */
  readonly expected?: string;
}

const FENCE = /^(\s*)(```+|~~~+)\s*(\S*)/;

interface Fenced {
  readonly language: string;
  readonly text: string;
  readonly line: number;
  readonly comment: string;
}

function fenced(page: string): readonly Fenced[] {
  const found: Fenced[] = [];
  let comment = "";
  let open:
    | {
        readonly fence: string;
        readonly language: string;
        readonly line: number;
        readonly lines: string[];
      }
    | undefined;
  for (const [index, line] of page.split("\n").entries()) {
    const match = FENCE.exec(line);
    if (open !== undefined) {
      if (match?.[2] === open.fence && match[3] === "") {
        found.push({
          language: open.language,
          text: `${open.lines.join("\n")}\n`,
          line: open.line,
          comment,
        });
        open = undefined;
        comment = "";
      } else open.lines.push(line);
    } else if (match !== null) {
      open = { fence: match[2] ?? "", language: match[3] ?? "", line: index + 2, lines: [] };
    } else if (line.trim() !== "") {
      comment = /^<!-- (.*) -->$/.exec(line.trim())?.[1] ?? "";
    }
  }
  if (open !== undefined) throw new Error(`line ${open.line - 1}: the block has no end`);
  return found;
}

function isOutputOf(block: Fenced | undefined, next: Fenced | undefined): next is Fenced {
  return block?.language === "sh" && next?.language === "text" && next.comment === "";
}

/** The blocks of a page, in order; a text block after commands is their `expected`, not a block of its own. */
export function blocksOf(page: string): readonly Block[] {
  const all = fenced(page);
  return all.flatMap((block, at) => {
    if (isOutputOf(all[at - 1], block)) return [];
    const { language, text, line, comment } = block;
    const next = all[at + 1];
    const notRun = /^not run: (.+)$/.exec(comment)?.[1];
    const file = /^file: (\S+)$/.exec(comment)?.[1];
    return [
      {
        language,
        text,
        line,
        exitCode: Number(/^ends with (\d+)$/.exec(comment)?.[1] ?? 0),
        ...(notRun === undefined ? {} : { notRun }),
        ...(file === undefined ? {} : { file }),
        ...(isOutputOf(block, next) ? { expected: next.text } : {}),
      },
    ];
  });
}

/** What the page's folder holds at first. */
export function folderOf(page: string): string {
  return /^<!-- folder: (\S+) -->$/m.exec(page)?.[1] ?? "project";
}

/**
 * The page's own TypeScript (blocks that are no file) as one module, each line where it stands in the page, so that the
 * compiler's messages name the page's lines. Undefined if there is none.
 */
export function moduleOf(page: string): string | undefined {
  const own = blocksOf(page).filter(
    ({ language, file, notRun }) => language === "ts" && file === undefined && notRun === undefined,
  );
  if (own.length === 0) return undefined;
  const lines = page.split("\n").map(() => "");
  for (const { text, line } of own) {
    for (const [at, content] of text.split("\n").entries()) lines[line - 1 + at] ||= content;
  }
  return `${lines.join("\n")}\nexport {};\n`;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Whether an output is what a page shows: `...` stands for any text of a line, alone on a line for any lines. */
export function fits(output: string, expected: string): boolean {
  const pattern = expected
    .trimEnd()
    .split("\n")
    .map((line) =>
      line.trim() === "..."
        ? "(?:[^\\n]*\\n)*?"
        : `${line.trimEnd().split("...").map(escaped).join("[^\\n]*")}[ ]*\\n`,
    );
  return new RegExp(`^${pattern.join("")}$`).test(`${output.trimEnd()}\n`);
}
