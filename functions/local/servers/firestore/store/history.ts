import type { Clock } from '../../../../src/clock.ts';
import { FirestoreError, invalidArgument } from '../status.ts';
import type { Micros } from '../values/document.ts';
import type { Change, Store } from './store.ts';

/** How far back reads of a past state reach, in ms. Production keeps an hour; a server in memory keeps what a test or a
 *  paged read needs. */
const keptMs = 60_000;
/** And at most this many changes, so that a bulk load does not keep every document twice. */
const keptChanges = 20_000;
const microsPerMilli = 1000;

/** The last changes of a database, so that its earlier states can be read. */
export interface History {
  record(time: Micros, changes: readonly Change[]): void;
  /** The state as of `time`, unaffected by later changes.
   *  @throws FirestoreError FAILED_PRECONDITION if that is not kept any more, INVALID_ARGUMENT if it is yet to come */
  storeAt(store: Store, time: Micros, now: Micros): Store;
}

export function createHistory(clock: Clock): History {
  let commits: { time: Micros; changes: readonly Change[] }[] = [];
  let kept = 0;
  /** The commit time up to which changes have been forgotten: states before it cannot be read. */
  let horizon: Micros = 0;

  const forget = () => {
    const oldest = (clock.now() - keptMs) * microsPerMilli;
    let forgotten = 0;
    for (const { time, changes } of commits) {
      if (time >= oldest && kept <= keptChanges) break;
      horizon = time;
      kept -= changes.length;
      forgotten += 1;
    }
    if (forgotten > 0) commits = commits.slice(forgotten);
  };

  return {
    record(time, changes) {
      commits.push({ time, changes });
      kept += changes.length;
      forget();
    },
    storeAt(store, time, now) {
      if (time > now) throw invalidArgument('The requested read time is in the future.');
      if (time < horizon) {
        throw new FirestoreError('FAILED_PRECONDITION', 'The requested snapshot version is too old.');
      }
      const past = store.snapshot();
      for (const commit of commits.toReversed()) {
        if (commit.time <= time) break;
        for (const { path, before, after } of commit.changes) past.apply({ path, before: after, after: before });
      }
      return past;
    },
  };
}
