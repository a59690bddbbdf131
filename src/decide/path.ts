/** A path taken apart: `checks[3]` and `refine#2` have an index, a plain step name has index 0. */
export function parsePath(path: string): { readonly step: string; readonly index: number } {
  const at = path.search(/[[#]/);
  if (at < 0) return { step: path, index: 0 };
  return { step: path.slice(0, at), index: Number.parseInt(path.slice(at + 1), 10) };
}
