import type { KeyRange } from '../../records/projectRecord.ts';

/** Characters of document ids in their order, few first: what most ids are made of, and the printable ones of ASCII. Ids
 *  lie evenly between two others only among characters that they are made of. */
const alphabets = [/[0-9]/, /[0-9a-f]/, /[0-9A-Za-z]/, /[^/]/].map((pattern) =>
  Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCharCode(0x20 + index)).filter((character) =>
    pattern.test(character),
  ),
);

/** How many characters after the common beginning take part in finding a key: 94^6 still fits into a double. */
const digitsCompared = 6;

/** Cuts a range of keys into so many parts, or fewer, about as long as each other if keys are spread evenly, without
 *  reading anything. The keys between them need not exist: they are only bounds. `lastKey` stands in for an open end;
 *  the last part keeps the open end, so that nothing behind the last known key is left out. The range itself where it
 *  cannot be cut (an open beginning, ids that are not printable ASCII, no room between the two). */
export function splitRange(range: KeyRange, lastKey: string | null, parts: number): readonly KeyRange[] {
  const high = range.before ?? lastKey;
  const scale = range.after === null || high === null ? undefined : scaleBetween(range.after, high);
  if (scale === undefined) return [range];
  const cut: KeyRange[] = [];
  let rest = range;
  for (let part = 1; part < parts; part += 1) {
    const bound = scale.keyAt(part / parts);
    if (bound === undefined || bound === rest.after) continue;
    // All parts are open intervals, so the bound itself belongs to the lower one.
    cut.push(upTo(rest, bound));
    rest = { ...rest, after: bound };
  }
  return [...cut, rest];
}

/** How many keys lie behind `from` up to `to`, as far as one can tell from so many that lie behind `first` up to `from`.
 *  Undefined where one cannot. */
export function expectedBehind(first: string, from: string, to: string, keys: number): number | undefined {
  const position = scaleBetween(first, to)?.positionOf(from);
  return position === undefined || position <= 0 ? undefined : (keys * Math.max(0, 1 - position)) / position;
}

/** The part of a range up to a key, which belongs to it: it ends just behind that key. */
export function upTo(range: KeyRange, lastKey: string | null): KeyRange {
  return lastKey === null ? range : { ...range, before: `${lastKey}\u0000` };
}

/** The keys between two paths, as numbers from 0 to 1. */
interface KeyScale {
  /** A path strictly between the two, or undefined. */
  keyAt(position: number): string | undefined;
  positionOf(path: string): number | undefined;
}

/** Paths compare segment by segment. Undefined where nothing is known to lie between. */
function scaleBetween(low: string, high: string): KeyScale | undefined {
  const lowSegments = low.split('/');
  const highSegments = high.split('/');
  const at = lowSegments.findIndex((segment, index) => segment !== highSegments[index]);
  const lowId = lowSegments[at];
  const highId = highSegments[at];
  // A document id stands at an odd place; where the collection ids differ there is no document between.
  if (at % 2 !== 1 || lowId === undefined || highId === undefined) return undefined;
  let common = 0;
  while (common < lowId.length && lowId[common] === highId[common]) common += 1;
  const compared = (id: string) => id.slice(common, common + digitsCompared);
  const digits = alphabets.find((alphabet) =>
    [...compared(lowId), ...compared(highId)].every((character) => alphabet.includes(character)),
  );
  if (digits === undefined) return undefined;
  const begin = toNumber(compared(lowId), digits);
  const length = toNumber(compared(highId), digits) - begin;
  return {
    keyAt(position) {
      const id = lowId.slice(0, common) + fromNumber(Math.floor(begin + length * position), digits);
      const isBetween = lowId < id && id < highId && !isReserved(id);
      return isBetween ? [...lowSegments.slice(0, at), id].join('/') : undefined;
    },
    positionOf(path) {
      const id = path.split('/')[at] ?? '';
      const isWithin = lowId <= id && id <= highId && length > 0;
      return isWithin ? (toNumber(compared(id), digits) - begin) / length : undefined;
    },
  };
}

/** Whatever is no digit counts as the next lower one. */
function toNumber(text: string, digits: readonly string[]): number {
  let number = 0;
  for (let index = 0; index < digitsCompared; index += 1) {
    const character = text.charAt(index);
    const digit = index < text.length ? digits.findLastIndex((each) => each <= character) : 0;
    number = number * digits.length + Math.max(0, digit);
  }
  return number;
}

function fromNumber(number: number, digits: readonly string[]): string {
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
