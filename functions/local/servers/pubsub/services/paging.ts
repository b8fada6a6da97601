import { invalidArgument } from '../status.ts';
import type { Paging } from '../wire.ts';

/** How many resources a list call returns when the client names no page size. */
const defaultPageSize = 100;

/** One page of resources, by their names: the response of a list call, whose `field` holds them. The token of the next
 *  page is the last name of this one. */
export function page(field: string, items: readonly ({ readonly name: string } | string)[], paging: Paging): object {
  if (paging.pageSize < 0) throw invalidArgument(`Invalid page_size (${paging.pageSize}): it must not be negative.`);
  const size = paging.pageSize || defaultPageSize;
  const nameOf = (item: (typeof items)[number]) => (typeof item === 'string' ? item : item.name);
  const rest = items.filter((item) => nameOf(item) > paging.pageToken).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const shown = rest.slice(0, size);
  const last = shown.at(-1);
  return { [field]: shown, nextPageToken: last !== undefined && rest.length > size ? nameOf(last) : '' };
}
