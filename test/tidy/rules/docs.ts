/** Links lead somewhere, and the changelog has the form that operators can search. */
import { posix } from "node:path";
import { linesMatching, pathsIn, type Problem, type Tree } from "../tree.ts";

const FENCE = /^(```|~~~)/;
const LINK = /\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g;

/** The lines of a page outside its code blocks, with their numbers; lines inside are empty. */
function prose(text: string): readonly string[] {
  let inside = false;
  return text.split("\n").map((line) => {
    if (FENCE.test(line.trim())) inside = !inside;
    else if (!inside) return line.replace(/`[^`]*`/g, (code) => code.replace(/[[\]]/g, " "));
    return "";
  });
}

/** The anchors of a page, as GitHub makes them from headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const line of prose(text)) {
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = heading
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-");
    let unique = slug;
    for (let n = 1; anchors.has(unique); n += 1) unique = `${slug}-${n}`;
    anchors.add(unique);
  }
  return anchors;
}

function brokenLink(tree: Tree, page: string, link: string): string | undefined {
  if (/^[a-z][a-z+.-]*:/i.test(link)) return undefined;
  const [file = "", anchor] = link.split("#");
  const target = file === "" ? page : posix.join(posix.dirname(page), decodeURIComponent(file));
  const folder = target.replace(/\/?$/, "/");
  const exists = tree.has(target) || [...tree.keys()].some((path) => path.startsWith(folder));
  if (!exists && !/\.(jsonl|png|svg|txt)$|^LICENSE$/.test(target))
    return `${link}: there is no ${target}.`;
  if (anchor === undefined || !target.endsWith(".md")) return undefined;
  if (anchorsOf(tree.get(target) ?? "").has(anchor)) return undefined;
  return `${link}: ${target} has no such heading.`;
}

/** Every link within the repository leads to a file, and to a heading of it if it names one. */
export function docLinks(tree: Tree): readonly Problem[] {
  return pathsIn(tree, /\.md$/).flatMap((path) =>
    prose(tree.get(path) ?? "").flatMap((text, index) =>
      [...text.matchAll(LINK)].flatMap((match) => {
        const message = brokenLink(tree, path, match[1] ?? "");
        return message === undefined ? [] : [{ path, line: index + 1, message }];
      }),
    ),
  );
}

const CHANGELOG = "CHANGELOG.md";
const SECTIONS = ["Breaking", "Safety", "Added", "Fixed", "Internal"];

function changelogLine(line: string, last: number): string | undefined {
  if (line.startsWith("# ") || line.trim() === "" || /^ {2}\S/.test(line) || last < 0)
    return undefined;
  if (line.startsWith("## ")) {
    if (/^## (Unreleased|\d+\.\d+\.\d+ \(\d{4}-\d{2}-\d{2}\))$/.test(line)) return undefined;
    return "write `## Unreleased` or `## 1.2.3 (2026-01-31)`.";
  }
  if (line.startsWith("### ")) return undefined;
  return /^- \S/.test(line) ? undefined : "write each change as a list item.";
}

/** `## Unreleased` first, then releases with dates; in each the sections of {@link SECTIONS}, in that order. */
export function changelogForm(tree: Tree): readonly Problem[] {
  const problems: Problem[] = [];
  const releases: string[] = [];
  let last = -1;
  (tree.get(CHANGELOG) ?? "").split("\n").forEach((text, index) => {
    const line = index + 1;
    const add = (message: string): number => problems.push({ path: CHANGELOG, line, message });
    const message = changelogLine(text, text.startsWith("## ") ? 0 : last);
    if (message !== undefined) add(message);
    if (text.startsWith("## ")) {
      releases.push(text);
      last = -1;
    } else if (text.startsWith("### ")) {
      const at = SECTIONS.indexOf(text.slice(4));
      if (at <= last) add(`sections are ${SECTIONS.join(", ")}, in this order, each once.`);
      last = Math.max(at, last);
    }
  });
  if (releases[0] !== "## Unreleased") {
    problems.push({ path: CHANGELOG, message: "the first release is `## Unreleased`." });
  }
  return problems;
}

/** AGENTS.md is read at the start of every piece of work: it stays short. */
export function agentsPageLength(tree: Tree): readonly Problem[] {
  const lines = (tree.get("AGENTS.md") ?? "").trimEnd().split("\n").length;
  return lines < 150 ? [] : [{ path: "AGENTS.md", message: `${lines} lines: stay under 150.` }];
}

/** Every decision record is linked from the list of them, and has its parts. */
export function decisionRecords(tree: Tree): readonly Problem[] {
  const list = tree.get("docs/adr/README.md") ?? "";
  return pathsIn(tree, /^docs\/adr\/\d.*\.md$/).flatMap((path) => {
    const missing = ["# ", "Status: ", "## Decision", "## Instead"].filter(
      (part) => linesMatching(tree.get(path) ?? "", new RegExp(`^${part}`)).length === 0,
    );
    const problems = missing.map((part) => ({ path, message: `has no line "${part.trim()}".` }));
    const listed = list.includes(`(${posix.basename(path)})`);
    return listed ? problems : [...problems, { path, message: "docs/adr/README.md has no link." }];
  });
}
