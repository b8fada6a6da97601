/** How a test makes one subscription's deliveries worse than they usually are, within what Pub/Sub permits. */
export interface Disturbance {
  /** Source of every decision below, in [0, 1): give a seeded one to repeat a run. */
  readonly random: () => number;
  /** Chance, in [0, 1], that a message is delivered a second time, whether or not the first copy was acknowledged. */
  readonly duplicate?: number;
  /** Every message and every second copy waits up to this long before it may be delivered, in ms of the server's
   *  clock. */
  readonly maxDelayMs?: number;
  /** Messages leave in random order instead of roughly in the order of publication. */
  readonly shuffle?: boolean;
}

/** A copy of `items` in random order (Fisher-Yates). */
export function shuffled<T>(items: Iterable<T>, random: () => number): T[] {
  const result: T[] = [];
  for (const item of items) {
    const at = Math.floor(random() * (result.length + 1));
    const moved = result[at];
    result[at] = item;
    if (moved !== undefined) result.push(moved);
  }
  return result;
}
