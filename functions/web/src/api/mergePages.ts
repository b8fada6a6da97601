/** A list of which the first page is fetched again and again, and later pages once. Keeps what the first page no longer
 *  shows because newer items pushed it down; drops what left the list.
 *  Items are in the API's order, newest first. */
export function mergePages<Item>(
  known: readonly Item[],
  firstPage: readonly Item[],
  hasMore: boolean,
  keyOf: (item: Item) => string,
): Item[] {
  if (!hasMore) return [...firstPage];
  const fresh = new Set(firstPage.map(keyOf));
  const lastShared = known.findLastIndex((item) => fresh.has(keyOf(item)));
  // Nothing in common: what is known may lie anywhere further down.
  if (lastShared < 0) return [...firstPage];
  return [...firstPage, ...known.slice(lastShared + 1)];
}
