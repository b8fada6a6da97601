import type { BilledOperations } from '../config/prices.ts';
import { eventCount } from './measure.ts';
import type { FinishedReconciliation } from './reconciliations.ts';
import type { SettledEvents } from './records.ts';

/** What each event costs besides its assets (docs/costs.md): the record of its project is read when it is claimed and
 *  when it is completed, and written both times; its job and its entry in the history are written. */
const perEvent = { reads: 2, writes: 4 } as const;

/** What the relay costs in a minute without changes: it renews its lease every five seconds. */
const perMinute = { reads: 0, writes: 12 } as const;

/** Checkpoints in a minute with changes, at most one a second, besides those. */
const mostCheckpoints = 48;

/** What measuring a minute costs: three documents are read again and written, and about ten questions asked. */
const ofMeasuring = { reads: 12, writes: 3 } as const;

/** The operations of Firestore that a minute cost, by what happened in it. Google bills what really happened: retries,
 *  pages and security rules are not in here. */
export function operationsOf(
  settled: SettledEvents,
  reconciliations: Pick<FinishedReconciliation, 'reads' | 'assets'>,
): BilledOperations {
  const events = eventCount(settled);
  return {
    reads:
      perMinute.reads +
      ofMeasuring.reads +
      events * (perEvent.reads + 1) +
      settled.updated +
      settled.deleted +
      reconciliations.reads,
    writes:
      perMinute.writes +
      ofMeasuring.writes +
      Math.min(events, mostCheckpoints) +
      events * perEvent.writes +
      settled.updated +
      reconciliations.assets,
    deletes: settled.deleted,
  };
}
