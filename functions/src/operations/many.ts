import type { Item, OperationContext, Outcome } from './operation.ts';

/** Adds up what became of many, one by one, until the time is over or as many are done as may be. */
export interface Tally {
  /** Whether no further one may be begun. */
  isOver(): boolean;
  /** Counts one and reports it; `sequence` is that of its audit entry. */
  add(item: Item, sequence?: number | null): Promise<void>;
  /** `done` names what was done to those that are counted: "released". */
  outcome(done: string): Outcome;
}

/** @param most how many may be done; without one, as many as there are. */
export function createTally({ clock, deadline, onItem }: OperationContext, most = Number.POSITIVE_INFINITY): Tally {
  const counts: Record<Item['kind'], number> = {
    done: 0,
    'nothing-to-do': 0,
    'not-found': 0,
    skipped: 0,
    failed: 0,
  };
  let last: number | null = null;
  let rest = '';
  let problem: string | undefined;
  return {
    isOver() {
      if (clock.now() >= deadline) rest = '; the time is over, and the same call goes on with the rest';
      else if (counts.done >= most) rest = '; more have come since they were counted, and wait';
      return rest !== '';
    },
    async add(item, sequence = null) {
      counts[item.kind] += 1;
      last = sequence ?? last;
      if (item.kind === 'failed') problem ??= `${item.target}: ${item.text}`;
      await onItem(item);
    },
    outcome(done) {
      const others = [
        [counts['not-found'], 'not found'],
        [counts.skipped, 'skipped'],
        [counts.failed, 'failed'],
      ] as const;
      const parts = others.filter(([count]) => count > 0).map(([count, text]) => `, ${count} ${text}`);
      const first = problem === undefined ? '' : ` (${problem})`;
      return {
        result: `${counts.done} ${done}${parts.join('')}${first}${rest}`,
        count: counts.done,
        sequence: last,
        jobId: null,
      };
    },
  };
}

/** One of many records, or none where it cannot be read: the others count all the same (I11).
 *  @throws what is no error of this kind. */
export function unlessUnreadable<Read, Unreadable extends Error>(
  read: () => Read,
  unreadable: abstract new (...args: never) => Unreadable,
): Read[] {
  try {
    return [read()];
  } catch (error) {
    if (error instanceof unreadable) return [];
    throw error;
  }
}
