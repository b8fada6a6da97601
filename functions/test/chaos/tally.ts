/** What runs went through, summed up. */
export interface Tally {
  runs: number;
  /** Changes of projects in MongoDB. */
  changes: number;
  /** Deliveries of events to a function. */
  deliveries: number;
  kills: number;
  stalls: number;
  duplicates: number;
  /** Deliveries of an event after one of a newer version of the same project. */
  reorderings: number;
  /** Events that were never delivered, on purpose. */
  losses: number;
  /** Injected errors by kind. */
  errors: Record<string, number>;
  stepDowns: number;
  oplogLosses: number;
  /** Clusters replaced by one that was restored. */
  restores: number;
  /** Names that no copy can have. */
  refused: number;
  /** Assets that a client deleted without what lies below. */
  abandoned: number;
  deadLetters: number;
  redriven: number;
  reconciliations: number;
  /** Deletions that nobody made, published all the same. */
  invented: number;
  /** Deletions that were held, and what was decided. */
  released: number;
  discarded: number;
  /** Times that a person paused something, and events whose work was parked to the end of that. */
  pauses: number;
  parked: number;
  /** Pages of the archive. */
  archived: number;
  /** Assets that server processes wrote at times of their own, and deletions that the guard and the visits
   *  published. */
  late: number;
  guarded: number;
  visited: number;
}

export function emptyTally(): Tally {
  return {
    runs: 0,
    changes: 0,
    deliveries: 0,
    kills: 0,
    stalls: 0,
    duplicates: 0,
    reorderings: 0,
    losses: 0,
    errors: {},
    stepDowns: 0,
    oplogLosses: 0,
    restores: 0,
    refused: 0,
    abandoned: 0,
    deadLetters: 0,
    redriven: 0,
    reconciliations: 0,
    invented: 0,
    released: 0,
    discarded: 0,
    pauses: 0,
    parked: 0,
    archived: 0,
    late: 0,
    guarded: 0,
    visited: 0,
  };
}

export function countError(tally: Tally, kind: string): void {
  tally.errors[kind] = (tally.errors[kind] ?? 0) + 1;
}

/** Adds the counts of one run to those of others. */
export function addTally(sum: Tally, run: Tally): void {
  for (const key of [
    'runs',
    'changes',
    'deliveries',
    'kills',
    'stalls',
    'duplicates',
    'reorderings',
    'losses',
    'stepDowns',
  ] as const) {
    sum[key] += run[key];
  }
  for (const key of [
    'oplogLosses',
    'restores',
    'refused',
    'abandoned',
    'deadLetters',
    'redriven',
    'reconciliations',
  ] as const)
    sum[key] += run[key];
  for (const key of ['invented', 'released', 'discarded', 'pauses', 'parked', 'archived'] as const)
    sum[key] += run[key];
  for (const key of ['late', 'guarded', 'visited'] as const) sum[key] += run[key];
  for (const [kind, count] of Object.entries(run.errors)) sum.errors[kind] = (sum.errors[kind] ?? 0) + count;
}
