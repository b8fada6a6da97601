/** An hour with far more deletions than usual. */
export interface UnusualDeletions {
  readonly deletions: number;
  /** More than these are unusual here. */
  readonly limit: number;
  /** Of the hours before. */
  readonly median: number;
}

/** Fewer in an hour are never unusual: somebody tidies up. Also the number from which the past is looked at. */
export const fewDeletions = 50;

/** So many times the median is far above it. */
const factor = 10;

/** Hours that have to be known: less than a day says nothing of what is usual. */
const leastHours = 24;

/** Whether an hour's deletions are far above what this installation is used to; null when they are not, or when too
 *  little is known to say. Pure. */
export function unusualDeletions(deletions: number, hoursBefore: readonly number[]): UnusualDeletions | null {
  if (hoursBefore.length < leastHours) return null;
  const median = medianOf(hoursBefore);
  const limit = Math.max(fewDeletions, factor * median);
  return deletions > limit ? { deletions, limit, median } : null;
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
