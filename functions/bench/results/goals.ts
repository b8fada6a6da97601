import type { Figure } from '../benchmark.ts';
import { median } from '../statistics.ts';

/** What a figure must reach in the full size, by its name: at least this where more is better, else at most. */
const goals: Readonly<Record<string, number>> = {
  // Safe pages are no slower than the fastest unsafe loop.
  'delete ours/batches': 1,
  'rename ours/batches': 1,
  'small rename in five collections: reads': 8,
  'small delete in five collections: reads': 8,
  'backlog round trips in a row': 3.5,
  // Three times the 44 events a second at which 1,000 renames once kept a deletion waiting for 22.6 s.
  'backlog events/s at 0 ms, 10 at once': 133,
  'backlog events/s at 10 ms, 10 at once': 133,
  // It waits for the relay, and for no rename: with one topic for all it was 1.
  'latency deletion/renames in front of it': 0.25,
  'scale memory large/small': 1.2,
  'reconcile reads full-scan/ours at 10': 5,
  'reconcile wall time ours/full-scan at 10': 1.2,
  'reconcile wall time ours/full-scan at 10, 10 ms away': 1.2,
  'reconcile wall time ours/full-scan at 10, 30 ms away': 1.2,
};

/** Names of all figures that have a goal. */
export const figuresWithGoals = Object.keys(goals);

/** Where a figure stands against its goal. */
export interface Standing {
  readonly goal: number;
  readonly isMet: boolean;
}

/** Judges a figure by the median of its samples; undefined where it has no goal. */
export function standingOf({ name, better, samples }: Figure): Standing | undefined {
  const goal = goals[name];
  if (goal === undefined) return undefined;
  const value = median(samples);
  return { goal, isMet: better === 'higher' ? value >= goal : value <= goal };
}
