import { createHash } from 'node:crypto';
import { canonicalText } from './canonicalText.ts';

/** A checksum over a bag of entries, in hex: the same for the same entries in any order, and another one when an entry
 *  is missing, differs or is there twice. */
export type Checksum = string;

export const emptyChecksum: Checksum = '0'.repeat(32);

const modulus = 2n ** 128n;

/** Adds an entry: the sum of the first 128 bits of SHA-256. A sum, since with an exclusive or an entry that is there
 *  twice would pass for one that is missing. */
export function addToChecksum(sum: Checksum, entry: readonly unknown[]): Checksum {
  const digest = createHash('sha256').update(canonicalText(entry)).digest('hex').slice(0, emptyChecksum.length);
  const added = (BigInt(`0x${sum}`) + BigInt(`0x${digest}`)) % modulus;
  return added.toString(16).padStart(emptyChecksum.length, '0');
}
