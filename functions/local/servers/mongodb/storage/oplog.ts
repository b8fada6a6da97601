import type { Long, UUID } from 'bson';
import type { Document } from '../bson/values.ts';
import type { UpdateDescription } from '../update/description.ts';
import { compareOpTimes, type OpTime } from './clusterClock.ts';

/** What happened, in the words of the change event that it becomes. Documents are BSON. */
export type Change =
  | { readonly kind: 'insert'; readonly id: unknown; readonly after: Uint8Array }
  | {
      readonly kind: 'update';
      readonly id: unknown;
      readonly description: UpdateDescription;
      readonly images?: Images | undefined;
    }
  | { readonly kind: 'replace'; readonly id: unknown; readonly after: Uint8Array; readonly images?: Images | undefined }
  | { readonly kind: 'delete'; readonly id: unknown; readonly images?: Images | undefined }
  | { readonly kind: 'create'; readonly options: Document }
  | { readonly kind: 'drop' }
  | {
      readonly kind: 'rename';
      readonly to: { readonly db: string; readonly name: string };
      readonly dropTarget: UUID | undefined;
    }
  | { readonly kind: 'dropDatabase' }
  | { readonly kind: 'createIndexes' | 'dropIndexes'; readonly indexes: readonly Document[] }
  | { readonly kind: 'modify'; readonly options: Document; readonly before: Document };

/** The document before and after, kept only for collections that ask for it. */
export interface Images {
  readonly before: Uint8Array;
  readonly after?: Uint8Array | undefined;
}

/** Whose change it was, when it was part of a transaction. */
export interface TransactionIdentity {
  readonly lsid: Document;
  readonly txnNumber: Long;
}

export interface OplogEntry {
  /** Counts all entries since the server started. */
  readonly sequence: number;
  readonly time: OpTime;
  /** The place among the changes of one transaction, which all have the same time. */
  readonly ordinal: number;
  /** In ms since the epoch. */
  readonly wallTime: number;
  readonly db: string;
  /** Empty for `dropDatabase`. */
  readonly name: string;
  readonly uuid: UUID | undefined;
  readonly change: Change;
  readonly transaction?: TransactionIdentity | undefined;
}

export type NewEntry = Omit<OplogEntry, 'sequence'>;

/** The log that change streams read. Bounded: the oldest entries are forgotten. */
export interface Oplog {
  append(entry: NewEntry): void;
  /** The entry with this sequence number; `undefined` if there is none yet. Ask `isLost` first. */
  at(sequence: number): OplogEntry | undefined;
  /** Whether an entry with this sequence number has been forgotten. */
  isLost(sequence: number): boolean;
  /** The number of the first entry at or after a point; `undefined` if entries from there on have been forgotten. */
  sequenceFrom(time: OpTime, ordinal: number): number | undefined;
  /** The sequence number that the next entry will get. */
  readonly end: number;
  readonly size: number;
  /** Forgets all entries up to now. */
  truncate(): void;
  /** Calls `wake` after new entries, once for those of one moment, until the returned function is called. */
  onAppend(wake: () => void): () => void;
}

export function createOplog(start: OpTime, limit: number): Oplog {
  let entries: OplogEntry[] = [];
  let first = 0;
  /** The latest time of which something has been forgotten; what was before the start was never known. */
  let forgottenUpTo = start;
  let wakeScheduled = false;
  const listeners = new Set<() => void>();

  const forget = (count: number) => {
    const last = entries[count - 1];
    if (last) forgottenUpTo = last.time;
    entries = entries.slice(count);
    first += count;
  };
  const wake = () => {
    wakeScheduled = false;
    for (const listener of [...listeners]) listener();
  };
  /** The index of the first kept entry that is not before a point. */
  const search = (time: OpTime, ordinal: number): number => {
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = entries[middle];
      const order = entry ? compareOpTimes(entry.time, time) || entry.ordinal - ordinal : 0;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    append(entry) {
      entries.push({ ...entry, sequence: first + entries.length });
      // Cutting off a share at a time keeps an append cheap.
      if (entries.length > limit + Math.ceil(limit * slackShare)) forget(entries.length - limit);
      if (wakeScheduled) return;
      wakeScheduled = true;
      queueMicrotask(wake);
    },
    at: (sequence) => entries[sequence - first],
    isLost: (sequence) => sequence < first,
    sequenceFrom(time, ordinal) {
      const lost = compareOpTimes(time, forgottenUpTo);
      if (lost < 0 || (lost === 0 && first > 0)) return undefined;
      return first + search(time, ordinal);
    },
    get end() {
      return first + entries.length;
    },
    get size() {
      return entries.length;
    },
    truncate: () => forget(entries.length),
    onAppend(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The share of the limit by which the log may grow beyond it before it is cut. */
const slackShare = 0.1;
