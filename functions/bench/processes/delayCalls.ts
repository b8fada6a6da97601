import type { Faults } from '../../local/faults.ts';

/** Calls of Firestore that a client waits for. */
const delayed = ['BatchGetDocuments', 'BeginTransaction', 'Commit', 'RunQuery', 'RunAggregationQuery'] as const;

/** From now on each call takes so long to Firestore and back, in ms. */
export function delayCalls(faults: Faults, latencyMs: number): void {
  faults.clear();
  if (latencyMs <= 0) return;
  for (const method of delayed) faults.inject(method, { latencyMs }, Number.MAX_SAFE_INTEGER);
}
