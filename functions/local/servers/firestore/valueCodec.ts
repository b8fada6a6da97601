import { invalidArgument } from './status.ts';
import type { Fields, Value } from './value.ts';
import { MAX_TIMESTAMP_SECONDS, MIN_TIMESTAMP_SECONDS, NULL } from './value.ts';
import { BYTES, FIXED64, tag, VARINT, WireReader, WireWriter } from './wire.ts';

// Field numbers of google.firestore.v1.Value, with their wire types.
const BOOLEAN = tag(1, VARINT);
const INTEGER = tag(2, VARINT);
const DOUBLE = tag(3, FIXED64);
const REFERENCE = tag(5, BYTES);
const MAP = tag(6, BYTES);
const GEO_POINT = tag(8, BYTES);
const ARRAY = tag(9, BYTES);
const TIMESTAMP = tag(10, BYTES);
const NULL_VALUE = tag(11, VARINT);
const STRING = tag(17, BYTES);
const BYTE_STRING = tag(18, BYTES);

// Timestamp {seconds, nanos}, LatLng {latitude, longitude}, ArrayValue {values}, MapValue {fields}.
const SECONDS = tag(1, VARINT);
const NANOS = tag(2, VARINT);
const LATITUDE = tag(1, FIXED64);
const LONGITUDE = tag(2, FIXED64);
const ELEMENT = tag(1, BYTES);
/** An entry of MapValue.fields. */
export const MAP_ENTRY = tag(1, BYTES);
/** An entry of Document.fields. */
export const DOCUMENT_ENTRY = tag(2, BYTES);
// Every protobuf map entry is {key, value}.
const ENTRY_KEY = tag(1, BYTES);
const ENTRY_VALUE = tag(2, BYTES);

/** Timestamps are kept to the microsecond, as production does: what is finer is cut off. */
const NANOS_PER_MICRO = 1000;
const NANOS_PER_SECOND = 1_000_000_000;

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
  let value: Value = NULL;
  while (!reader.done) {
    const fieldTag = reader.uint32();
    if (fieldTag === STRING) value = { type: 'string', value: reader.string() };
    else if (fieldTag === INTEGER) value = { type: 'integer', value: reader.int64() };
    else if (fieldTag === DOUBLE) value = { type: 'double', value: reader.double() };
    else if (fieldTag === BOOLEAN) value = { type: 'boolean', value: reader.int64() !== 0n };
    else if (fieldTag === MAP) value = { type: 'map', fields: readFields(reader.message(), MAP_ENTRY) };
    else if (fieldTag === ARRAY) value = { type: 'array', values: readElements(reader.message()) };
    else if (fieldTag === TIMESTAMP) value = readTimestamp(reader.message());
    else if (fieldTag === REFERENCE) value = { type: 'reference', value: reader.string() };
    else if (fieldTag === BYTE_STRING) value = { type: 'bytes', value: reader.slice() };
    else if (fieldTag === GEO_POINT) value = readGeoPoint(reader.message());
    else {
      reader.skip(fieldTag);
      if (fieldTag === NULL_VALUE) value = NULL;
    }
  }
  return value;
}

function readTimestamp(reader: WireReader): Value {
  let seconds = 0;
  let nanos = 0;
  while (!reader.done) {
    const fieldTag = reader.uint32();
    if (fieldTag === SECONDS) seconds = Number(reader.int64());
    else if (fieldTag === NANOS) nanos = Number(reader.int64());
    else reader.skip(fieldTag);
  }
  if (seconds < MIN_TIMESTAMP_SECONDS || seconds > MAX_TIMESTAMP_SECONDS || nanos < 0 || nanos >= NANOS_PER_SECOND) {
    throw invalidArgument(`Timestamp ${seconds} s ${nanos} ns lies outside the years 1 to 9999.`);
  }
  return { type: 'timestamp', seconds, nanos: nanos - (nanos % NANOS_PER_MICRO) };
}

function readGeoPoint(reader: WireReader): Value {
  let latitude = 0;
  let longitude = 0;
  while (!reader.done) {
    const fieldTag = reader.uint32();
    if (fieldTag === LATITUDE) latitude = reader.double();
    else if (fieldTag === LONGITUDE) longitude = reader.double();
    else reader.skip(fieldTag);
  }
  return { type: 'geoPoint', latitude, longitude };
}

function readElements(reader: WireReader): Value[] {
  const values: Value[] = [];
  while (!reader.done) {
    const fieldTag = reader.uint32();
    if (fieldTag === ELEMENT) values.push(readValue(reader.message()));
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
  let value: Value = NULL;
  while (!entry.done) {
    const fieldTag = entry.uint32();
    if (fieldTag === ENTRY_KEY) key = entry.string();
    else if (fieldTag === ENTRY_VALUE) value = readValue(entry.message());
    else entry.skip(fieldTag);
  }
  into.set(key, value);
}

function writeValue(writer: WireWriter, value: Value): void {
  switch (value.type) {
    case 'null':
      writer.uint32(NULL_VALUE);
      writer.uint32(0);
      break;
    case 'boolean':
      writer.uint32(BOOLEAN);
      writer.uint32(value.value ? 1 : 0);
      break;
    case 'integer':
      writer.uint32(INTEGER);
      writer.int64(value.value);
      break;
    case 'double':
      writer.uint32(DOUBLE);
      writer.double(value.value);
      break;
    case 'timestamp':
      writer.uint32(TIMESTAMP);
      writer.message(() => writeTimestamp(writer, value.seconds, value.nanos));
      break;
    case 'string':
      writer.uint32(STRING);
      writer.string(value.value);
      break;
    case 'bytes':
      writer.uint32(BYTE_STRING);
      writer.slice(value.value);
      break;
    case 'reference':
      writer.uint32(REFERENCE);
      writer.string(value.value);
      break;
    case 'geoPoint':
      writer.uint32(GEO_POINT);
      writer.message(() => {
        writer.uint32(LATITUDE);
        writer.double(value.latitude);
        writer.uint32(LONGITUDE);
        writer.double(value.longitude);
      });
      break;
    case 'array':
      writer.uint32(ARRAY);
      writer.message(() => {
        for (const element of value.values) {
          writer.uint32(ELEMENT);
          writer.message(() => writeValue(writer, element));
        }
      });
      break;
    case 'map':
      writer.uint32(MAP);
      writer.message(() => writeFields(writer, value.fields, MAP_ENTRY));
      break;
  }
}

/** Appends a Timestamp's own fields. */
export function writeTimestamp(writer: WireWriter, seconds: number, nanos: number): void {
  writer.uint32(SECONDS);
  writer.int64(BigInt(seconds));
  writer.uint32(NANOS);
  writer.uint32(nanos);
}

/** Appends a `map<string, Value>` in the order of its keys, so that equal fields are equal bytes. */
export function writeFields(writer: WireWriter, fields: Fields, entryTag: number): void {
  for (const key of [...fields.keys()].sort()) {
    const value = fields.get(key);
    if (value === undefined) continue;
    writer.uint32(entryTag);
    writer.message(() => {
      writer.uint32(ENTRY_KEY);
      writer.string(key);
      writer.uint32(ENTRY_VALUE);
      writer.message(() => writeValue(writer, value));
    });
  }
}

/** The value at a path of keys inside encoded fields, without decoding anything else; undefined if there is none. */
export function findValue(fields: Buffer, keys: readonly Buffer[]): Value | undefined {
  let reader = new WireReader(fields);
  let entryTag = DOCUMENT_ENTRY;
  for (const [depth, key] of keys.entries()) {
    const found = findEntry(reader, entryTag, key);
    if (!found) return undefined;
    if (depth === keys.length - 1) return readValue(found);
    const map = mapInside(found);
    if (!map) return undefined;
    reader = map;
    entryTag = MAP_ENTRY;
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
  return value.uint32() === MAP ? value.message() : undefined;
}
