import type { Store } from '../store/store.ts';
import { compareKeys } from '../values/keyBytes.ts';
import { descendantRange, pathKey, pathOfKey } from '../values/pathKey.ts';
import { depth } from '../values/resourceName.ts';

/** The paths directly below a path under which any document lies: of collections below a document or the root, of
 *  documents (also of missing ones) below a collection. In the order of their names; each costs a seek, whatever lies
 *  below it. */
export function childPaths(store: Store, path: string): string[] {
  const segments = depth(path) + 1;
  const { from, to } = descendantRange(path);
  const found = new Set<string>();
  for (const { byName } of store.kinds()) {
    let next = byName.firstKeyFrom(from);
    while (next !== undefined && next < to) {
      const child = pathOfKey(next).split('/').slice(0, segments).join('/');
      found.add(child);
      next = byName.firstKeyFrom(descendantRange(child).to);
    }
  }
  return [...found]
    .map((child) => [pathKey(child), child] as const)
    .sort(([a], [b]) => compareKeys(a, b))
    .map(([, child]) => child);
}

/** One page of a listing, and where the next one begins. */
export interface Page {
  readonly items: readonly string[];
  /** Empty if this is the last one. */
  readonly nextPageToken: string;
}

/** Cuts a page out of ordered paths. The token is the last path of the page before. */
export function pageOf(paths: readonly string[], size: number, token: string): Page {
  const after = token === '' ? '' : pathKey(Buffer.from(token, 'base64url').toString());
  const rest = after === '' ? paths : paths.filter((path) => pathKey(path) > after);
  const items = rest.slice(0, size);
  const last = items.at(-1);
  const more = items.length < rest.length && last !== undefined;
  return { items, nextPageToken: more ? Buffer.from(last).toString('base64url') : '' };
}
