// Values and paths as byte strings whose plain comparison is Firestore's order. An index is then nothing but a sorted
// set of strings, a cursor is a prefix of one, and a range that a transaction has read is two of them. The bytes are
// kept in JavaScript strings of one byte a character: they compare as memory does and cost a third of what a Buffer
// costs.

/** Ends arrays, maps, paths: lower than any byte that can follow, so that a prefix sorts before what it is a prefix
 *  of. */
export const endByte = 0x00;

// Inside byte strings a zero byte is written as two, so that the end can be told from it.
export const escapeByte = 0x00;
export const escapedZero = 0xff;
export const stringEnd = 0x01;

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

const initialBytes = 512;

/** Collects the bytes of one key. */
export interface KeyWriter {
  byte(value: number): void;
  uint16(value: number): void;
  uint32(value: number): void;
  uint64(value: bigint): void;
  double(value: number): void;
  /** Bytes of any content and length, escaped and ended. */
  escaped(value: Uint8Array): void;
  text(value: string): void;
  /** Forgets what a key that was given up has left. */
  begin(): void;
  finish(): string;
}

/** An empty key. Keys are built one at a time and synchronously, so one writer serves many. */
export function createKeyWriter(): KeyWriter {
  let bytes = Buffer.allocUnsafeSlow(initialBytes);
  let length = 0;
  const reserve = (more: number) => {
    if (length + more <= bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(length + more, bytes.length * 2));
    bytes.copy(grown, 0, 0, length);
    bytes = grown;
  };
  const byte = (value: number) => {
    reserve(1);
    bytes[length++] = value;
  };
  const uint64 = (value: bigint) => {
    reserve(8);
    length = bytes.writeBigUInt64BE(value, length);
  };
  const endString = () => {
    byte(escapeByte);
    byte(stringEnd);
  };
  const escaped = (value: Uint8Array) => {
    reserve(value.length * 2 + 2);
    for (const each of value) {
      bytes[length++] = each;
      if (each === escapeByte) bytes[length++] = escapedZero;
    }
    endString();
  };
  return {
    byte,
    uint16(value) {
      reserve(2);
      length = bytes.writeUInt16BE(value, length);
    },
    uint32(value) {
      reserve(4);
      length = bytes.writeUInt32BE(value, length);
    },
    uint64,
    double(value) {
      reserve(8);
      bytes.writeDoubleBE(value, length);
      const negative = ((bytes[length] ?? 0) & 0x80) !== 0;
      // Positive doubles already sort as their bits do; negative ones sort backwards, and below.
      if (negative) for (let i = length; i < length + 8; i += 1) bytes[i] = ~(bytes[i] ?? 0) & 0xff;
      else bytes[length] = (bytes[length] ?? 0) | 0x80;
      length += 8;
    },
    escaped,
    text(value) {
      if (value.includes('\0')) {
        escaped(Buffer.from(value));
        return;
      }
      const size = Buffer.byteLength(value);
      reserve(size + 2);
      length += bytes.write(value, length, size, 'utf8');
      endString();
    },
    begin() {
      length = 0;
    },
    finish() {
      const key = bytes.toString('latin1', 0, length);
      length = 0;
      return key;
    },
  };
}
