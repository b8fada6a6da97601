import { useEffect, useState } from 'preact/hooks';
import { useRoom } from '../room.ts';
import { poll } from './poll.ts';
import type { Problem } from './problem.ts';

/** A view as last seen; `problem` when the newest attempt failed, with the older value beside it. */
export interface Viewed<T> {
  readonly value?: T;
  readonly problem?: Problem;
}

/** Follows a view of the API while the component is shown; undefined follows nothing. */
export function useView<T>(path: string | undefined): Viewed<T> {
  const { api, changes, onSignedOut } = useRoom();
  const [seen, setSeen] = useState<Viewed<T> & { readonly path: string | undefined }>({ path });
  useEffect(() => {
    if (path === undefined) return;
    const gone = new AbortController();
    let etag: string | null = null;
    const ask = async () => {
      const answer = await api.get<T>(path, { etag, signal: gone.signal });
      if (gone.signal.aborted) return;
      if (answer.kind === 'ok') {
        etag = answer.etag;
        setSeen({ path, value: answer.value });
      } else if (answer.kind === 'unchanged') {
        setSeen((before) => (before.problem && before.value ? { path, value: before.value } : before));
      } else if (answer.problem.status === 401) {
        onSignedOut();
      } else {
        setSeen((before) => ({ ...(before.path === path && before), path, problem: answer.problem }));
      }
    };
    poll(ask, changes, gone.signal);
    return () => gone.abort();
  }, [path, api, changes, onSignedOut]);
  // What belongs to another path is not shown while the new one is on its way.
  return seen.path === path ? seen : {};
}
