import { median } from '../statistics.ts';

/** How much larger the values of one sample are than those of another. */
export interface Shift {
  /** Later over earlier: the median of all pairs' ratios. */
  readonly ratio: number;
  /** The true ratio lies within these with that confidence, whatever the distribution of the values. */
  readonly low: number;
  readonly high: number;
  /** From 0 to 1. Few runs give less than was wanted: two of three each give 0.9, one of one each gives 0. */
  readonly confidence: number;
}

/** How sure an interval is to be, where there are runs enough. */
const wantedConfidence = 0.95;

/** Estimates a ratio by the pairs of all values (Hodges and Lehmann), with the interval that inverts the exact
 *  Mann-Whitney test; it takes no shape of the distribution for granted
 *  (https://en.wikipedia.org/wiki/Hodges%E2%80%93Lehmann_estimator). Values are larger than 0.
 *  @throws Error when there are no values. */
export function shiftBetween(earlier: readonly number[], later: readonly number[]): Shift {
  const pairs = later.flatMap((above) => earlier.map((below) => above / below)).sort((a, b) => a - b);
  const cumulative = probabilities(earlier.length, later.length);
  const confidenceWithout = (dropped: number) => 1 - 2 * (cumulative[dropped] ?? 1);
  let dropped = 0;
  while (confidenceWithout(dropped + 1) >= wantedConfidence) dropped += 1;
  const low = pairs[dropped];
  const high = pairs[pairs.length - 1 - dropped];
  if (low === undefined || high === undefined) throw new Error('there is no figure to compare: a sample has no values');
  return { ratio: median(pairs), low, high, confidence: Math.max(0, confidenceWithout(dropped)) };
}

/** The probability of each value of Mann and Whitney's U, or a smaller one, where both samples come from the same
 *  distribution. The numbers of ways are the coefficients of a Gaussian binomial: the product over i = 1..n of
 *  (1 - x^(m+i)) / (1 - x^i). */
function probabilities(n: number, m: number): readonly number[] {
  const ways = new Array<number>(n * m + 1).fill(0);
  ways[0] = 1;
  const at = (index: number) => ways[index] ?? 0;
  for (let i = 1; i <= n; i += 1) {
    for (let u = n * m; u >= m + i; u -= 1) ways[u] = at(u) - at(u - m - i);
    for (let u = i; u <= n * m; u += 1) ways[u] = at(u) + at(u - i);
  }
  const all = ways.reduce((sum, count) => sum + count, 0);
  let below = 0;
  return ways.map((count) => {
    below += count;
    return below / all;
  });
}
