/** Operations that Firestore bills. */
export interface BilledOperations {
  readonly reads: number;
  readonly writes: number;
  readonly deletes: number;
}

/** US dollars for 100,000 operations, at the list price of a multi-region in the United States, beyond the free quota;
 *  most single regions cost less (https://firebase.google.com/docs/firestore/pricing). */
const dollarsPer100k = { reads: 0.06, writes: 0.18, deletes: 0.02 } as const;

/** What operations cost at list price, in US dollars. */
export function costOf({ reads, writes, deletes }: BilledOperations): number {
  const { reads: read, writes: write, deletes: remove } = dollarsPer100k;
  return (reads * read + writes * write + deletes * remove) / 100_000;
}
