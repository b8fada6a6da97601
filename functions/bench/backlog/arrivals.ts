/** When events arrive, in ms from the beginning: independent of each other (a Poisson process), as users are.
 *  @param perSecond how many on average
 *  @param random a number from 0 up to 1 */
export function poissonArrivals(count: number, perSecond: number, random: () => number): readonly number[] {
  let at = 0;
  return Array.from({ length: count }, () => {
    at += (-Math.log(1 - random()) / perSecond) * 1_000;
    return at;
  });
}
