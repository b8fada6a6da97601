import { invalidArgument } from '../status.ts';
import { checkReference } from './resourceName.ts';
import { type Fields, maxTimestampSeconds, minTimestampSeconds, nullValue, type Value } from './value.ts';
import { bytesType, fixed64Type, tag, varintType, WireReader, WireWriter } from './wire.ts';

// Field numbers of google.firestore.v1.Value, with their wire types.
const booleanTag = tag(1, varintType);
const integerTag = tag(2, varintType);
const doubleTag = tag(3, fixed64Type);
const referenceTag = tag(5, bytesType);
const mapTag = tag(6, bytesType);
const geoPointTag = tag(8, bytesType);
const arrayTag = tag(9, bytesType);
const timestampTag = tag(10, bytesType);
const nullTag = tag(11, varintType);
const stringTag = tag(17, bytesType);
const bytesTag = tag(18, bytesType);

// Timestamp {seconds, nanos}, LatLng {latitude, longitude}, ArrayValue {values}, MapValue {fields}.
const secondsTag = tag(1, varintType);
const nanosTag = tag(2, varintType);
const latitudeTag = tag(1, fixed64Type);
const longitudeTag = tag(2, fixed64Type);
const elementTag = tag(1, bytesType);
/** An entry of MapValue.fields. */
export const mapEntryTag = tag(1, bytesType);
/** An entry of Document.fields. */
export const documentEntryTag = tag(2, bytesType);
// Every protobuf map entry is {key, value}.
const entryKeyTag = tag(1, bytesType);
const entryValueTag = tag(2, bytesType);

/** Timestamps are kept to the microsecond, as production does: what is finer is cut off. */
const nanosPerMicro = 1000;
const nanosPerSecond = 1_000_000_000;

/** Decodes one Value message. */
export function decodeValue(bytes: Buffer): Value {
  return readValue(new WireReader(bytes));
}

/** Encodes one Value message. */
export function encodeValue(value: Value): Buffer {
  const writer = new WireWriter();
  writeValue(writer, value);
  return writer.finish();
}

function readValue(reader: WireReader): Value {
  // The last one wins if a client sent several, as protobuf demands of a oneof.
  let value: Value | undefined;
  while (!reader.done) {
    const fieldTag = reader.uint32();
    if (fieldTag === stringTag) value = { type: 'string', value: reader.string() };
    else if (fieldTag === integerTag) value = { type: 'integer', value: reader.int64() };
    else if (fieldTag === doubleTag) value = { type: 'double', value: reader.double() };
    else if (fieldTag === booleanTag) value = { type: 'boolean', value: reader.int64() !== 0n };
    else if (fieldTag === mapTag) value = { type: 'map', fields: readFields(reader.message(), mapEntryTag) };
    else if (fieldTag === arrayTag) value = { type: 'array', values: readElements(reader.message()) };
    else if (fieldTag === timestampTag) value = readTimestamp(reader.message());
    else if (fieldTag === referenceTag) value = readReference(reader.string());
    else if (fieldTag === bytesTag) value = { type: 'bytes', value: reader.slice() };
    else if (fieldTag === geoPointTag) value = readGeoPoint(reader.message());
    else {
      reader.skip(fieldTag);
      if (fieldTag === nullTag) value = nullValue;
    }
  }
  return value ?? typeUnset();
}

function typeUnset(): never {
  throw invalidArgument('Cannot convert firestore.v1.Value with type unset.');
}

function readReference(name: string): Value {
  checkReference(name);
  return { type: 'reference', value: name };
}

function readTimestamp(reader: WireReader): Value {
  let seconds = 0;
  let nanos = 0;
  while (!reader.done) {
    const fieldTag = reader.uint32();
    if (fieldTag === secondsTag) seconds = Number(reader.int64());
    else if (fieldTag === nanosTag) nanos = Number(reader.int64());
    else reader.skip(fieldTag);
  }
  if (seconds < minTimestampSeconds || seconds > maxTimestampSeconds || nanos < 0 || nanos >= nanosPerSecond) {
    throw invalidArgument(`Timestamp ${seconds} s ${nanos} ns lies outside the years 1 to 9999.`);
  }
  return { type: 'timestamp', seconds, nanos: nanos - (nanos % nanosPerMicro) };
}

function readGeoPoint(reader: WireReader): Value {
  let latitude = 0;
  let longitude = 0;
  while (!reader.done) {
    const fieldTag = reader.uint32();
    if (fieldTag === latitudeTag) latitude = reader.double();
    else if (fieldTag === longitudeTag) longitude = reader.double();
    else reader.skip(fieldTag);
  }
  checkDegrees('latitude', latitude, 90);
  checkDegrees('longitude', longitude, 180);
  return { type: 'geoPoint', latitude, longitude };
}

function checkDegrees(what: string, degrees: number, most: number): void {
  if (Math.abs(degrees) <= most) return;
  throw invalidArgument(`Geo point ${what} '${degrees}' outside permitted range -${most}.0 to ${most}.0.`);
}

function readElements(reader: WireReader): Value[] {
  const values: Value[] = [];
  while (!reader.done) {
    const fieldTag = reader.uint32();
    if (fieldTag === elementTag) values.push(readValue(reader.message()));
    else reader.skip(fieldTag);
  }
  return values;
}

/** Reads the entries of a `map<string, Value>` whose entries have this tag, passing over everything else. */
export function readFields(reader: WireReader, entryTag: number): Map<string, Value> {
  const fields = new Map<string, Value>();
  while (!reader.done) {
    const fieldTag = reader.uint32();
    if (fieldTag === entryTag) readEntry(reader.message(), fields);
    else reader.skip(fieldTag);
  }
  return fields;
}

function readEntry(entry: WireReader, into: Map<string, Value>): void {
  let key = '';
  let value: Value | undefined;
  while (!entry.done) {
    const fieldTag = entry.uint32();
    if (fieldTag === entryKeyTag) key = entry.string();
    else if (fieldTag === entryValueTag) value = readValue(entry.message());
    else entry.skip(fieldTag);
  }
  into.set(key, value ?? typeUnset());
}

function writeValue(writer: WireWriter, value: Value): void {
  switch (value.type) {
    case 'null':
      writer.uint32(nullTag);
      writer.uint32(0);
      break;
    case 'boolean':
      writer.uint32(booleanTag);
      writer.uint32(value.value ? 1 : 0);
      break;
    case 'integer':
      writer.uint32(integerTag);
      writer.int64(value.value);
      break;
    case 'double':
      writer.uint32(doubleTag);
      writer.double(value.value);
      break;
    case 'timestamp':
      writer.uint32(timestampTag);
      writer.message(() => writeTimestamp(writer, value.seconds, value.nanos));
      break;
    case 'string':
      writer.uint32(stringTag);
      writer.string(value.value);
      break;
    case 'bytes':
      writer.uint32(bytesTag);
      writer.slice(value.value);
      break;
    case 'reference':
      writer.uint32(referenceTag);
      writer.string(value.value);
      break;
    case 'geoPoint':
      writer.uint32(geoPointTag);
      writer.message(() => {
        writer.uint32(latitudeTag);
        writer.double(value.latitude);
        writer.uint32(longitudeTag);
        writer.double(value.longitude);
      });
      break;
    case 'array':
      writer.uint32(arrayTag);
      writer.message(() => {
        for (const element of value.values) {
          writer.uint32(elementTag);
          writer.message(() => writeValue(writer, element));
        }
      });
      break;
    case 'map':
      writer.uint32(mapTag);
      writer.message(() => writeFields(writer, value.fields, mapEntryTag));
      break;
  }
}

/** Appends a Timestamp's own fields. */
export function writeTimestamp(writer: WireWriter, seconds: number, nanos: number): void {
  writer.uint32(secondsTag);
  writer.int64(BigInt(seconds));
  writer.uint32(nanosTag);
  writer.uint32(nanos);
}

/** Appends a `map<string, Value>` in the order of its keys, so that equal fields are equal bytes. */
export function writeFields(writer: WireWriter, fields: Fields, entryTag: number): void {
  for (const key of [...fields.keys()].sort()) {
    const value = fields.get(key);
    if (value === undefined) continue;
    writer.uint32(entryTag);
    writer.message(() => {
      writer.uint32(entryKeyTag);
      writer.string(key);
      writer.uint32(entryValueTag);
      writer.message(() => writeValue(writer, value));
    });
  }
}

/** The value at a path of keys inside encoded fields, without decoding anything else; undefined if there is none. */
export function findValue(fields: Buffer, keys: readonly Buffer[]): Value | undefined {
  let reader = new WireReader(fields);
  let entryTag = documentEntryTag;
  for (const [depth, key] of keys.entries()) {
    const found = findEntry(reader, entryTag, key);
    if (!found) return undefined;
    if (depth === keys.length - 1) return readValue(found);
    const map = mapInside(found);
    if (!map) return undefined;
    reader = map;
    entryTag = mapEntryTag;
  }
  return undefined;
}

function findEntry(reader: WireReader, entryTag: number, key: Buffer): WireReader | undefined {
  while (!reader.done) {
    const fieldTag = reader.uint32();
    if (fieldTag !== entryTag) {
      reader.skip(fieldTag);
      continue;
    }
    const entry = reader.message();
    // Encoded by writeFields: the key comes first and the value second.
    entry.uint32();
    if (!entry.slice().equals(key)) continue;
    entry.uint32();
    return entry.message();
  }
  return undefined;
}

function mapInside(value: WireReader): WireReader | undefined {
  if (value.done) return undefined;
  return value.uint32() === mapTag ? value.message() : undefined;
}
