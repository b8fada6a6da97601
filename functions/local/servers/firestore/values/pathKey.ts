import { afterByte, createKeyWriter, endByte, escapeByte, type KeyWriter, stringEnd } from './keyBytes.ts';

// The first byte of a path segment: ids of the form __id7__ are numbers and sort before all others.
const numericSegment = 0x01;
const stringSegment = 0x02;

const int64Bias = 1n << 63n;
/** Only the canonical spelling of a number, so that no two ids share a key. */
const numericIdPattern = /^__id(0|-?[1-9]\d{0,18})__$/;
// Scratch space, not state: every key is finished before the next one is begun.
const scratch = createKeyWriter();

/** The key of a path of collections and documents, ended. */
export function pathKey(path: string): string {
  scratch.begin();
  writePath(scratch, path);
  return scratch.finish();
}

/** What the keys of everything at or below a path begin with. */
export function pathPrefix(path: string): string {
  scratch.begin();
  writeSegments(scratch, path);
  return scratch.finish();
}

/** What the keys of everything strictly below a path begin with one of: the range of its descendants. */
export function descendantRange(path: string): { readonly from: string; readonly to: string } {
  const prefix = pathPrefix(path);
  return { from: prefix + String.fromCharCode(endByte + 1), to: prefix + afterByte };
}

/** Appends a path to a key, ended. */
export function writePath(writer: KeyWriter, path: string): void {
  writeSegments(writer, path);
  writer.byte(endByte);
}

function writeSegments(writer: KeyWriter, path: string): void {
  if (path === '') return;
  for (const segment of path.split('/')) {
    const number = numericId(segment);
    if (number === undefined) {
      writer.byte(stringSegment);
      writer.text(segment);
    } else {
      writer.byte(numericSegment);
      writer.uint64(number + int64Bias);
    }
  }
}

/** The number inside an id of the form `__id7__`; undefined for every other id. */
export function numericId(id: string): bigint | undefined {
  if (!id.startsWith('__id')) return undefined;
  const digits = numericIdPattern.exec(id)?.[1];
  if (digits === undefined) return undefined;
  const number = BigInt(digits);
  return BigInt.asIntN(64, number) === number ? number : undefined;
}

/** The path that a path key was made of. */
export function pathOfKey(key: string): string {
  const bytes = Buffer.from(key, 'latin1');
  const segments: string[] = [];
  let offset = 0;
  while (offset < bytes.length && bytes[offset] !== endByte) {
    if (bytes[offset] === numericSegment) {
      segments.push(`__id${bytes.readBigUInt64BE(offset + 1) - int64Bias}__`);
      offset += 9;
      continue;
    }
    const text: number[] = [];
    offset += 1;
    for (; !(bytes[offset] === escapeByte && bytes[offset + 1] === stringEnd); offset += 1) {
      text.push(bytes[offset] ?? 0);
      if (bytes[offset] === escapeByte) offset += 1;
    }
    offset += 2;
    segments.push(Buffer.from(text).toString());
  }
  return segments.join('/');
}
