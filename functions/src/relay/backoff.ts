import type { RelayLimits } from './limits.ts';

/** The pause before try number `attempt` + 1 (the first failure is attempt 1), in ms: doubles up to the limit, and a random half of it
 *  keeps many that failed together from coming back together. */
export function backoffMs(
  attempt: number,
  limits: Pick<RelayLimits, 'retryFirstMs' | 'retryMaxMs'>,
  random: () => number,
): number {
  const ceiling = Math.min(limits.retryMaxMs, limits.retryFirstMs * 2 ** (attempt - 1));
  return ceiling / 2 + (ceiling / 2) * random();
}
