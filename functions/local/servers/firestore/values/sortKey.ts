import { compareKeys, createKeyWriter, endByte, type KeyWriter, type Position } from './keyBytes.ts';
import { writePath } from './pathKey.ts';
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

// Scratch space, not state: every key is finished before the next one is begun.
const scratch = createKeyWriter();

/** The key of a value: keys compare as Firestore orders the values, and values that are equal to it have equal keys (1
 *  and 1.0). */
export function valueKey(value: Value): string {
  scratch.begin();
  writeValue(scratch, value);
  return scratch.finish();
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

const between = (nextTag: number): Position => ({ prefix: String.fromCharCode(nextTag - 1), side: 'before' });

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
export function compareValues(a: Value, b: Value): number {
  return compareKeys(valueKey(a), valueKey(b));
}

function writeValue(writer: KeyWriter, value: Value): void {
  switch (value.type) {
    case 'null':
      writer.byte(nullTag);
      break;
    case 'boolean':
      writer.byte(booleanTag);
      writer.byte(value.value ? 1 : 0);
      break;
    case 'integer':
      writeNumber(writer, Number(value.value), value.value);
      break;
    case 'double':
      writeNumber(writer, value.value, undefined);
      break;
    case 'timestamp':
      writer.byte(timestampTag);
      writer.uint64(BigInt(value.seconds - minTimestampSeconds));
      writer.uint32(value.nanos);
      break;
    case 'string':
      writer.byte(stringTag);
      writer.text(value.value);
      break;
    case 'bytes':
      writer.byte(bytesTag);
      writer.escaped(value.value);
      break;
    case 'reference':
      writer.byte(referenceTag);
      writeReference(writer, value.value);
      break;
    case 'geoPoint':
      writer.byte(geoPointTag);
      writer.double(value.latitude + 0);
      writer.double(value.longitude + 0);
      break;
    case 'array':
      writer.byte(arrayTag);
      for (const element of value.values) writeValue(writer, element);
      writer.byte(endByte);
      break;
    case 'map':
      writeMap(writer, value.fields);
      break;
  }
}

function writeNumber(writer: KeyWriter, double: number, integer: bigint | undefined): void {
  if (Number.isNaN(double)) {
    writer.byte(nanTag);
    return;
  }
  writer.byte(numberTag);
  // Adding zero makes -0 into 0: the two are equal.
  writer.double(double + 0);
  writer.uint16(remainderBias + (integer === undefined ? 0 : Number(integer - BigInt(double))));
}

function writeMap(writer: KeyWriter, fields: Fields): void {
  const elements = vectorElements(fields);
  if (elements) {
    // Vectors sort by dimension first.
    writer.byte(vectorTag);
    writer.uint32(elements.length);
    for (const element of elements) writeValue(writer, element);
    writer.byte(endByte);
    return;
  }
  writer.byte(mapTag);
  const keys = [...fields.keys()].map((key) => Buffer.from(key)).sort(Buffer.compare);
  for (const key of keys) {
    const value = fields.get(key.toString());
    if (value === undefined) continue;
    writer.byte(stringTag);
    writer.escaped(key);
    writeValue(writer, value);
  }
  writer.byte(endByte);
}

function writeReference(writer: KeyWriter, name: string): void {
  const { database, path } = databaseAndPath(name);
  writer.text(database);
  writePath(writer, path);
}
