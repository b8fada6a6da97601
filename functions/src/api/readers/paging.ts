import { encodeCursor } from '../cursor.ts';

/** Items of the first page of a list. The page asks for it again every few seconds, and each of these may cost 10
 *  reads. */
const firstPage = 9;

/** Items of the pages behind a cursor, which are asked for once. */
const laterPage = 50;

/** How many items the page behind a position has. */
export function pageSize(after: unknown): number {
  return after === undefined ? firstPage : laterPage;
}

/** The cursor behind a page; null when it is the last one. */
export function nextOf<Item>(
  items: readonly Item[],
  after: unknown,
  positionOf: (item: Item) => unknown,
  size = pageSize(after),
): string | null {
  const last = items.at(-1);
  return items.length < size || last === undefined ? null : encodeCursor(positionOf(last));
}
