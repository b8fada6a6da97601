import { afterByte, endByte, stringEnd, textKey, unsigned64 } from './keyBytes.ts';

// The first byte of a path segment: ids of the form __id7__ are numbers and sort before all others.
const numericSegment = '\x01';
const stringSegment = '\x02';

const int64Bias = 1n << 63n;
/** Only the canonical spelling of a number, so that no two ids share a key. */
const numericIdPattern = /^__id(0|-?[1-9]\d{0,18})__$/;

/** The key of a path of collections and documents, ended. */
export const pathKey = (path: string) => pathPrefix(path) + endByte;

/** What the keys of everything at or below a path begin with. */
export const pathPrefix = (path: string) => (path === '' ? '' : path.split('/').map(segmentKey).join(''));

function segmentKey(segment: string): string {
  const number = numericId(segment);
  return number === undefined ? stringSegment + textKey(segment) : numericSegment + unsigned64(number + int64Bias);
}

/** What the keys of everything strictly below a path begin with one of: the range of its descendants. */
export function descendantRange(path: string): { readonly from: string; readonly to: string } {
  const prefix = pathPrefix(path);
  return { from: prefix + numericSegment, to: prefix + afterByte };
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
  const segments: string[] = [];
  for (let offset = 0; key.length > offset && key[offset] !== endByte; ) {
    if (key[offset] === numericSegment) {
      const bytes = Buffer.from(key.slice(offset + 1, offset + 9), 'latin1');
      segments.push(`__id${bytes.readBigUInt64BE() - int64Bias}__`);
      offset += 9;
      continue;
    }
    const end = key.indexOf(stringEnd, offset);
    segments.push(Buffer.from(key.slice(offset + 1, end).replaceAll('\0\xff', '\0'), 'latin1').toString());
    offset = end + stringEnd.length;
  }
  return segments.join('/');
}
