import { useMemo, useState } from 'preact/hooks';
import type { Selection } from './table.tsx';

/** What is chosen of a list. What has left the list is not chosen any more. */
export function useSelection(keys: readonly string[], label: (key: string) => string): Selection {
  const [wanted, setWanted] = useState<ReadonlySet<string>>(new Set());
  return useMemo(() => {
    const listed = new Set(keys);
    return { chosen: new Set([...wanted].filter((key) => listed.has(key))), set: setWanted, label };
  }, [keys, wanted, label]);
}
