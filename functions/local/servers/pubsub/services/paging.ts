import { invalidArgument } from '../status.ts';
import type { Paging } from '../wire.ts';

/** How many resources a list call returns when the client names no page size. */
const defaultPageSize = 100;

/** One page of `items` in the order of their keys; the token of the next page is the last key of this one. */
export function page<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  paging: Paging,
): { items: T[]; nextPageToken: string } {
  if (paging.pageSize < 0) throw invalidArgument(`Invalid page_size (${paging.pageSize}): it must not be negative.`);
  const size = paging.pageSize || defaultPageSize;
  const rest = items.filter((item) => keyOf(item) > paging.pageToken).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const shown = rest.slice(0, size);
  const last = shown.at(-1);
  return { items: shown, nextPageToken: last !== undefined && rest.length > size ? keyOf(last) : '' };
}
