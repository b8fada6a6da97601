import type { Item, OperationContext, Outcome } from './operation.ts';

/** Adds up what became of many, one by one, until the time is over. */
export interface Tally {
  /** Whether no further one may be begun. */
  isOver(): boolean;
  /** Counts one and reports it; `sequence` is that of its audit entry. */
  add(item: Item, sequence?: number | null): Promise<void>;
  /** `done` names what was done to those that are counted: "released". */
  outcome(done: string): Outcome;
}

export function createTally({ clock, deadline, onItem }: OperationContext): Tally {
  const counts: Record<Item['kind'], number> = {
    done: 0,
    'nothing-to-do': 0,
    'not-found': 0,
    skipped: 0,
    failed: 0,
  };
  let last: number | null = null;
  let wasCut = false;
  let problem: string | undefined;
  return {
    isOver() {
      wasCut ||= clock.now() >= deadline;
      return wasCut;
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
      const rest = wasCut ? '; the time is over, and the same call goes on with the rest' : '';
      return {
        result: `${counts.done} ${done}${parts.join('')}${first}${rest}`,
        count: counts.done,
        sequence: last,
        jobId: null,
      };
    },
  };
}
