import { compareKeys, double, endByte, escaped, type Position, textKey, unsigned } from './keyBytes.ts';
import { pathKey } from './pathKey.ts';
import { databaseAndPath } from './resourceName.ts';
import { type Fields, minTimestampSeconds, type Value, vectorElements } from './value.ts';

// The first byte of each type, in the order across types that Firestore documents. Null < boolean < NaN < number <
// timestamp < string < bytes < reference < geo point < array < vector < map.
const nullTag = 0x10;
const booleanTag = 0x18;
const nanTag = 0x20;
const numberTag = 0x28;
const timestampTag = 0x30;
const stringTag = 0x38;
const bytesTag = 0x40;
const referenceTag = 0x48;
const geoPointTag = 0x50;
const arrayTag = 0x58;
const vectorTag = 0x60;
const mapTag = 0x68;
const lastTag = 0x70;

/** What a double cannot tell apart of two 64-bit integers is at most half of 2^11: it fits two bytes around this
 *  middle. */
const remainderBias = 0x8000;

/** The key of a value: keys compare as Firestore orders the values, and values that are equal to it have equal keys
 *  (1 and 1.0). */
export function valueKey(value: Value): string {
  switch (value.type) {
    case 'null':
      return tagOf(nullTag);
    case 'boolean':
      return tagOf(booleanTag) + (value.value ? '\x01' : '\0');
    case 'integer':
      return numberKey(Number(value.value), value.value);
    case 'double':
      return numberKey(value.value, undefined);
    case 'timestamp':
      return tagOf(timestampTag) + unsigned(value.seconds - minTimestampSeconds, 6) + unsigned(value.nanos, 4);
    case 'string':
      return tagOf(stringTag) + textKey(value.value);
    case 'bytes':
      return tagOf(bytesTag) + escaped(value.value);
    case 'reference': {
      const { database, path } = databaseAndPath(value.value);
      return tagOf(referenceTag) + textKey(database) + pathKey(path);
    }
    case 'geoPoint':
      return tagOf(geoPointTag) + double(value.latitude + 0) + double(value.longitude + 0);
    case 'array':
      return tagOf(arrayTag) + value.values.map(valueKey).join('') + endByte;
    case 'map':
      return mapKey(value.fields);
  }
}

const tagOf = (tag: number) => String.fromCharCode(tag);

function numberKey(value: number, integer: bigint | undefined): string {
  if (Number.isNaN(value)) return tagOf(nanTag);
  const remainder = integer === undefined ? 0 : Number(integer - BigInt(value));
  // Adding zero makes -0 into 0: the two are equal.
  return tagOf(numberTag) + double(value + 0) + unsigned(remainderBias + remainder, 2);
}

function mapKey(fields: Fields): string {
  const elements = vectorElements(fields);
  // Vectors sort by dimension first.
  if (elements) return tagOf(vectorTag) + unsigned(elements.length, 4) + elements.map(valueKey).join('') + endByte;
  const entries = [...fields].map(([key, value]) => [textKey(key), value] as const);
  entries.sort(([a], [b]) => compareKeys(a, b));
  return `${tagOf(mapTag)}${entries.map(([key, value]) => tagOf(stringTag) + key + valueKey(value)).join('')}${endByte}`;
}

/** An index keeps 1,500 bytes of a value (published limit): the key has as many after the tag. */
const maxIndexedBytes = 1501;
/** Ends what was cut off, after what ends there. */
const cutOff = '\0\x02';

/** The key of a value in an index: those that agree in the bytes that an index keeps have the same key, so that queries
 *  for long values find too much, as the documentation warns. */
export function indexKey(value: Value): string {
  const key = valueKey(value);
  return key.length <= maxIndexedBytes + cutOff.length ? key : key.slice(0, maxIndexedBytes) + cutOff;
}

/** Whether a value is NaN, which equals itself but is neither less nor greater than any number. */
export const isNaNValue = (value: Value) => value.type === 'double' && Number.isNaN(value.value);

/** The range of the values that can be compared with `value` by `<` and `>`: those of its type, none for NaN.
 *  Its ends are bytes between two tags, which begin no key, so that they separate the types in a descending index
 *  too. */
export function typeRange(value: Value): { readonly from: Position; readonly to: Position } {
  const [first, next] = typeTags(value);
  return { from: between(first), to: between(next) };
}

const between = (nextTag: number): Position => ({ prefix: tagOf(nextTag - 1), side: 'before' });

function typeTags(value: Value): readonly [number, number] {
  switch (value.type) {
    case 'null':
      return [nullTag, booleanTag];
    case 'boolean':
      return [booleanTag, nanTag];
    case 'integer':
    case 'double':
      return isNaNValue(value) ? [numberTag, nanTag] : [numberTag, timestampTag];
    case 'timestamp':
      return [timestampTag, stringTag];
    case 'string':
      return [stringTag, bytesTag];
    case 'bytes':
      return [bytesTag, referenceTag];
    case 'reference':
      return [referenceTag, geoPointTag];
    case 'geoPoint':
      return [geoPointTag, arrayTag];
    case 'array':
      return [arrayTag, vectorTag];
    case 'map':
      return vectorElements(value.fields) ? [vectorTag, mapTag] : [mapTag, lastTag];
  }
}

/** Whether `a` and `b` are of one type, so that `<` and `>` between them can hold. */
export function comparable(a: Value, b: Value): boolean {
  return typeTags(a)[0] === typeTags(b)[0] && !isNaNValue(a) && !isNaNValue(b);
}

/** Firestore's order: negative, zero or positive. */
export const compareValues = (a: Value, b: Value) => compareKeys(valueKey(a), valueKey(b));
