/** The names that a declaration file exports, one a line, types marked as such. */
const LIST = /^export\s+(type\s+)?\{([^}]*)\}/gm;
const DECLARATION =
  /^export\s+(?:declare\s+)?(?:abstract\s+)?(const|let|function|class|interface|type)\s+(\w+)/gm;

export function publicNames(declarations: string): readonly string[] {
  const listed = [...declarations.matchAll(LIST)].flatMap(([, allTypes, names = ""]) =>
    names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")
      .map((name) => {
        const isType = allTypes !== undefined || name.startsWith("type ");
        const outside = name.replace(/^type\s+/, "").replace(/^\w+\s+as\s+/, "");
        return isType ? `type ${outside}` : outside;
      }),
  );
  const declared = [...declarations.matchAll(DECLARATION)].map(([, kind, name = ""]) =>
    kind === "interface" || kind === "type" ? `type ${name}` : name,
  );
  return [...new Set([...listed, ...declared])].sort();
}
