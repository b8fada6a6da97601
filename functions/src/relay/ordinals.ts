import { type ClusterTime, maxOrdinal } from '../events/version.ts';

/** Where a change stands in the stream: its cluster time, and its number among the delivered changes of the same
 *  cluster time. */
export interface Count {
  readonly time: ClusterTime;
  readonly ordinal: number;
}

/** The count of the next delivered change. It depends on nothing but the count before it, which the checkpoint keeps:
 *  a relay that reads the same changes again counts them the same, so each keeps its version and its id. */
export function nextCount(last: Count | null, time: ClusterTime): Count {
  return { time, ordinal: last !== null && sameTime(last.time, time) ? last.ordinal + 1 : 0 };
}

/** The ordinal that goes into the version, which has four hex digits. From the 65,536th change of one transaction on,
 *  all share the last one. That matters only to a project that changes twice beyond it: its second change would pass
 *  for a repetition of the first. So an overflow asks for a reconciliation, which compares every project with its
 *  assets. */
export function versionOrdinal(count: Count): { readonly ordinal: number; readonly overflow: boolean } {
  return { ordinal: Math.min(count.ordinal, maxOrdinal), overflow: count.ordinal > maxOrdinal };
}

function sameTime(a: ClusterTime, b: ClusterTime): boolean {
  return a.seconds === b.seconds && a.increment === b.increment;
}
