import { hash } from 'node:crypto';
import { canonicalText } from './canonicalValue.ts';

/** A sum modulo 2^64 of one hash per tuple: the order of the tuples does not matter, so ranges can be summed side by side and a run can go on
 *  where another ended. */
export type Checksum = bigint;

export const emptyChecksum: Checksum = 0n;

const bits = 64;

/** The share of one distinct tuple: what the assets of a project in one collection say, or should say. */
export function tupleChecksum(collection: string, projectId: string, copies: readonly unknown[]): Checksum {
  const text = [collection, projectId, ...copies].map(canonicalText).join('\n');
  return hash('sha256', text, 'buffer').readBigUInt64BE(0);
}

/** The sum of two checksums. */
export function addChecksums(a: Checksum, b: Checksum): Checksum {
  return BigInt.asUintN(bits, a + b);
}

/** 16 hex digits, as it is shown and kept. */
export function checksumText(sum: Checksum): string {
  return sum.toString(16).padStart(bits / 4, '0');
}

/** The inverse of `checksumText`.
 *  @throws RangeError when it is not 16 hex digits. */
export function checksumFromText(text: string): Checksum {
  if (!/^[0-9a-f]{16}$/.test(text)) throw new RangeError(`not a checksum (16 hex digits): "${text}"`);
  return BigInt(`0x${text}`);
}
