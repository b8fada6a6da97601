import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { useRoom } from '../room.ts';
import { mergePages } from './mergePages.ts';
import { poll } from './poll.ts';
import type { Problem } from './problem.ts';

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** A list as far as it is loaded. */
export interface Pages<Item, P extends Page<Item> = Page<Item>> {
  /** Undefined until the first answer. */
  readonly items?: readonly Item[];
  /** The newest first page, with what it says beside its items. */
  readonly first?: P;
  readonly problem?: Problem;
  /** Loads the next page; undefined when there is none. */
  readonly more?: () => Promise<void>;
  readonly isLoading: boolean;
}

interface Loaded<Item, P> {
  readonly path: string;
  readonly items?: readonly Item[];
  readonly first?: P;
  readonly next?: string | null;
  readonly problem?: Problem;
}

/** Follows the first page of a list, and loads the others on request. */
export function usePages<Item, P extends Page<Item> = Page<Item>>(
  path: string,
  keyOf: (item: Item) => string,
): Pages<Item, P> {
  const { api, changes, onSignedOut } = useRoom();
  const [loaded, setLoaded] = useState<Loaded<Item, P>>({ path });
  const [isLoading, setIsLoading] = useState(false);
  const key = useRef(keyOf);
  key.current = keyOf;
  useEffect(() => {
    const gone = new AbortController();
    let etag: string | null = null;
    // What this page has done may have taken items from pages that are not polled.
    let startOver = true;
    changes.addEventListener(
      'change',
      () => {
        startOver = true;
      },
      { signal: gone.signal },
    );
    const ask = async () => {
      const anew = startOver;
      const answer = await api.get<P>(path, { etag: anew ? null : etag, signal: gone.signal });
      if (gone.signal.aborted) return;
      if (answer.kind === 'ok') {
        etag = answer.etag;
        startOver = false;
        const { value } = answer;
        setLoaded((before) => {
          const isSame = before.path === path && before.items !== undefined && !anew;
          const items = isSame
            ? mergePages(before.items ?? [], value.items, value.next !== null, key.current)
            : value.items;
          const next = items.length > value.items.length ? (before.next ?? null) : value.next;
          return { path, items, first: value, next };
        });
      } else if (answer.kind === 'unchanged') {
        setLoaded(({ problem, ...before }) => before);
      } else if (answer.problem.status === 401) {
        onSignedOut();
      } else {
        setLoaded((before) => ({ ...(before.path === path ? before : { path }), problem: answer.problem }));
      }
    };
    poll(ask, changes, gone.signal);
    return () => gone.abort();
  }, [path, api, changes, onSignedOut]);

  const next = loaded.path === path ? loaded.next : undefined;
  const more = useCallback(async () => {
    if (!next) return;
    setIsLoading(true);
    const separator = path.includes('?') ? '&' : '?';
    const answer = await api.get<P>(`${path}${separator}cursor=${encodeURIComponent(next)}`);
    setIsLoading(false);
    setLoaded((before) => {
      if (before.path !== path || before.next !== next) return before;
      if (answer.kind === 'problem') return { ...before, problem: answer.problem };
      if (answer.kind === 'unchanged') return before;
      const known = new Set(before.items?.map(key.current));
      const added = answer.value.items.filter((item) => !known.has(key.current(item)));
      return { ...before, items: [...(before.items ?? []), ...added], next: answer.value.next };
    });
  }, [api, path, next]);

  if (loaded.path !== path) return { isLoading: true };
  return {
    isLoading: isLoading || (loaded.items === undefined && loaded.problem === undefined),
    ...(loaded.items && { items: loaded.items }),
    ...(loaded.first && { first: loaded.first }),
    ...(loaded.problem && { problem: loaded.problem }),
    ...(next && { more }),
  };
}
