// Values and paths as byte strings whose plain comparison is Firestore's order. An index is then nothing but a sorted
// set of strings, a cursor is a prefix of one, and a range that a transaction has read is two of them. The bytes are
// kept in JavaScript strings of one byte a character: they compare as memory does and cost a third of what a Buffer
// costs.

/** Ends arrays, maps, paths: lower than any byte that can follow, so that a prefix sorts before what it is a prefix of.
 */
export const endByte = '\0';
/** Ends texts and bytes, in which a zero byte is written as two, so that the end can be told from it. */
export const stringEnd = '\0\x01';
const escapedZero = '\0\xff';

/** A byte above all that can begin the next part of a key: closes a range after a prefix. */
export const afterByte = '\xff';

/** Order of two keys: negative, zero or positive. */
export function compareKeys(a: string, b: string): number {
  if (a < b) return -1;
  return a > b ? 1 : 0;
}

/** Where a range begins or ends: just before, or just after, every key that starts with `prefix`. */
export interface Position {
  readonly prefix: string;
  readonly side: 'before' | 'after';
}

/** The lowest key at a position, in an ascending index. */
export const positionKey = (position: Position) =>
  position.side === 'before' ? position.prefix : position.prefix + afterByte;

/** The same position in a descending index, where every byte is inverted and before and after change places. */
export function invertPosition(position: Position): Position {
  return { prefix: invert(position.prefix), side: position.side === 'before' ? 'after' : 'before' };
}

/** The key bytes for descending order. */
export function invert(key: string): string {
  const bytes = Buffer.from(key, 'latin1');
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = ~(bytes[i] ?? 0) & 0xff;
  return bytes.toString('latin1');
}

// Scratch space, not state: what is put into it is read at once.
const scratch = Buffer.allocUnsafeSlow(8);

/** A number below 2^48 in so many bytes. */
export function unsigned(value: number, bytes: 2 | 4 | 6): string {
  scratch.writeUIntBE(value, 0, bytes);
  return scratch.toString('latin1', 0, bytes);
}

/** A number below 2^64. */
export function unsigned64(value: bigint): string {
  scratch.writeBigUInt64BE(value);
  return scratch.toString('latin1');
}

export function double(value: number): string {
  scratch.writeDoubleBE(value);
  const negative = ((scratch[0] ?? 0) & 0x80) !== 0;
  // Positive doubles already sort as their bits do; negative ones sort backwards, and below.
  if (negative) return invert(scratch.toString('latin1'));
  scratch[0] = (scratch[0] ?? 0) | 0x80;
  return scratch.toString('latin1');
}

/** Bytes of any content and length, ended. */
export const escaped = (bytes: Buffer) => bytes.toString('latin1').replaceAll('\0', escapedZero) + stringEnd;

/** A text in UTF-8, ended. */
export function textKey(text: string): string {
  const plain = Buffer.byteLength(text) === text.length && !text.includes('\0');
  return plain ? text + stringEnd : escaped(Buffer.from(text));
}
