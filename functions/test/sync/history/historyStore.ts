import type { HistoryEntry, HistoryWrite } from '../../../src/records/historyEntry.ts';

const nothing: Omit<HistoryEntry, 'id' | 'projectId' | 'version'> = {
  type: null,
  origin: null,
  changes: {},
  folded: false,
  outcome: 'applied',
  jobId: null,
  assets: null,
  lagMs: null,
  receivedAt: null,
  settledAt: null,
  refutedBefore: [],
  facts: [],
};

/** The history as Firestore keeps it, in memory. */
export interface HistoryStore {
  write(writes: readonly HistoryWrite[] | undefined): void;
  readonly entries: ReadonlyMap<string, HistoryEntry>;
  /** Writes so far. */
  count(): number;
}

export function historyStore(): HistoryStore {
  const entries = new Map<string, HistoryEntry>();
  let count = 0;
  return {
    entries,
    count: () => count,
    write(writes = []) {
      for (const { ifAbsent, expireAt: _time, ...write } of writes) {
        const known = entries.get(write.id);
        if (ifAbsent && known !== undefined) continue;
        count += 1;
        const facts = [...(known?.facts ?? []), ...(write.facts ?? [])];
        entries.set(write.id, { ...nothing, ...known, ...write, facts });
      }
    },
  };
}
