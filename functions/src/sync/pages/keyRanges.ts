import { behind } from '../../records/below.ts';
import type { KeyRange } from '../../records/projectRecord.ts';

/** Printable ASCII without `/`: the characters of practically all document ids, in their order. */
const digits = Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCharCode(0x20 + index)).filter(
  (character) => character !== '/',
);

/** How many characters after the common beginning take part in finding the middle: 94^6 still fits into a double. */
const digitsCompared = 6;

/** Cuts a range of keys into two at a key near its middle, without reading anything. The middle need not exist: it is
 *  only a bound. `lastKey` stands in for an open end; the upper part keeps the open end, so that nothing behind the
 *  last known key is left out. Undefined when the range cannot be cut (an open beginning, ids that are not printable
 *  ASCII, no room between the two). */
export function splitRange(range: KeyRange, lastKey: string | null): readonly [KeyRange, KeyRange] | undefined {
  const high = range.before ?? lastKey;
  if (range.after === null || high === null) return undefined;
  const middle = middlePath(range.after, high);
  if (middle === undefined) return undefined;
  // Both parts are open intervals, so the middle itself belongs to the lower one.
  return [upTo(range, middle), { ...range, after: middle }];
}

/** The part of a range up to a key, which belongs to it: it ends just behind that key. */
export function upTo(range: KeyRange, lastKey: string | null): KeyRange {
  return lastKey === null ? range : { ...range, before: behind(lastKey) };
}

/** A document path strictly between two others, or undefined. Paths compare segment by segment. */
function middlePath(low: string, high: string): string | undefined {
  const lowSegments = low.split('/');
  const highSegments = high.split('/');
  const at = lowSegments.findIndex((segment, index) => segment !== highSegments[index]);
  const lowId = lowSegments[at];
  const highId = highSegments[at];
  // A document id stands at an odd place; where the collection ids differ there is no document between.
  if (at % 2 !== 1 || lowId === undefined || highId === undefined) return undefined;
  const middle = middleId(lowId, highId);
  return middle === undefined ? undefined : [...lowSegments.slice(0, at), middle].join('/');
}

function middleId(low: string, high: string): string | undefined {
  let common = 0;
  while (common < low.length && low[common] === high[common]) common += 1;
  const lowNumber = toNumber(low.slice(common));
  const highNumber = toNumber(high.slice(common));
  if (lowNumber === undefined || highNumber === undefined) return undefined;
  const middle = low.slice(0, common) + fromNumber(Math.floor((lowNumber + highNumber) / 2));
  const isBetween = low < middle && middle < high && !isReserved(middle);
  return isBetween ? middle : undefined;
}

function toNumber(text: string): number | undefined {
  let number = 0;
  for (let index = 0; index < digitsCompared; index += 1) {
    const digit = index < text.length ? digits.indexOf(text.charAt(index)) : 0;
    if (digit < 0) return undefined;
    number = number * digits.length + digit;
  }
  return number;
}

function fromNumber(number: number): string {
  let text = '';
  for (let rest = number, index = 0; index < digitsCompared; index += 1) {
    text = (digits[rest % digits.length] ?? '') + text;
    rest = Math.floor(rest / digits.length);
  }
  return text;
}

/** Ids that Firestore gives no document:
 *  https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields */
function isReserved(id: string): boolean {
  return id === '.' || id === '..' || id.startsWith('__');
}
