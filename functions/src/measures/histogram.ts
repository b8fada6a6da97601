/** How many durations fell into each of a fixed set of classes, whose limits grow by a constant factor: histograms of
 *  any minutes can be added up, and a percentile of the sum is off by one class at most. */
export interface Histogram {
  /** Number of the class -> count; classes without any are missing. */
  readonly counts: Readonly<Record<string, number>>;
  /** The longest, in ms; null when there is none. */
  readonly maxMs: number | null;
}

export const emptyHistogram: Histogram = { counts: {}, maxMs: null };

/** Upper limit of the first class, in ms: nothing that is measured here is faster. */
const firstLimitMs = 10;

/** From one limit to the next: a percentile is at most a fifth too high. */
const growth = 1.2;

/** The last class begins at about three days; all that is longer falls into it. */
const lastClass = 94;

/** A histogram of durations, in ms. */
export function histogramOf(durations: readonly number[], weight = 1): Histogram {
  const counts: Record<string, number> = {};
  for (const duration of durations) {
    const name = classOf(duration);
    counts[name] = (counts[name] ?? 0) + weight;
  }
  return { counts, maxMs: durations.length === 0 ? null : Math.max(...durations) };
}

/** Both together. Associative and commutative. */
export function mergeHistograms(a: Histogram, b: Histogram): Histogram {
  const counts = { ...a.counts };
  for (const [name, count] of Object.entries(b.counts)) counts[name] = (counts[name] ?? 0) + count;
  const maxMs = a.maxMs === null || b.maxMs === null ? (a.maxMs ?? b.maxMs) : Math.max(a.maxMs, b.maxMs);
  return { counts, maxMs };
}

/** The duration that a share (0 to 1) of all does not exceed, in ms; null when there is none. At most a fifth above the
 *  true one, and never below it. */
export function percentile({ counts, maxMs }: Histogram, share: number): number | null {
  if (maxMs === null) return null;
  const classes = Object.entries(counts).sort(([a], [b]) => Number(a) - Number(b));
  const total = classes.reduce((sum, [, count]) => sum + count, 0);
  let below = 0;
  for (const [name, count] of classes) {
    below += count;
    if (below >= share * total) return Math.min(limitOf(Number(name)), maxMs);
  }
  return maxMs;
}

function classOf(durationMs: number): string {
  let number = 0;
  while (number < lastClass && durationMs > limitOf(number)) number += 1;
  return String(number);
}

/** The longest duration of a class, in ms. */
function limitOf(number: number): number {
  return number >= lastClass ? Number.POSITIVE_INFINITY : firstLimitMs * growth ** number;
}
