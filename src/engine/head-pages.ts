/** The heads of streams, read page by page. */
import type { HeadFilter, JournalStore, StreamHead } from "../ports/journal-store.ts";

const PAGE_HEADS = 1_000;

/** Heads from the oldest stream on, in pages of `limit` (1,000 if left out); no page is empty. */
export async function* headPages(
  store: Pick<JournalStore, "heads">,
  {
    limit = PAGE_HEADS,
    ...filter
  }: Omit<HeadFilter, "order" | "limit"> & { readonly limit?: number },
): AsyncGenerator<readonly StreamHead[], void, undefined> {
  let { after } = filter;
  for (;;) {
    const paging = after === undefined ? {} : { after };
    const heads = await store.heads({ ...filter, ...paging, order: "oldest", limit });
    if (heads.length > 0) yield heads;
    if (heads.length < limit) return;
    after = heads.at(-1)?.no;
  }
}
