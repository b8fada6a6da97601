// Documents and values to and from their protobuf encoding. Everything around them is decoded by proto-loader; these
// are not, because they are stored, compared and sent back as the bytes they are.
import protobuf, { type Reader, type Writer } from 'protobufjs/minimal.js';
import { invalidArgument } from '../status.ts';
import { checkReference } from './resourceName.ts';
import { type Fields, maxTimestampSeconds, minTimestampSeconds, nullValue, type Value } from './value.ts';

/** Wire types of protobuf: how the bytes after a field's tag are delimited. */
const varint = 0;
const fixed64 = 1;
const delimited = 2;
const wireTypeBits = 3;

/** The tag that precedes a field. */
const tag = (field: number, wireType: number) => (field << wireTypeBits) | wireType;

// Field numbers of google.firestore.v1.Value, with their wire types.
const booleanTag = tag(1, varint);
const integerTag = tag(2, varint);
const doubleTag = tag(3, fixed64);
const referenceTag = tag(5, delimited);
const mapTag = tag(6, delimited);
const geoPointTag = tag(8, delimited);
const arrayTag = tag(9, delimited);
const timestampTag = tag(10, delimited);
const nullTag = tag(11, varint);
const stringTag = tag(17, delimited);
const bytesTag = tag(18, delimited);

// Timestamp {seconds, nanos}, LatLng {latitude, longitude}, ArrayValue {values}, MapValue {fields}.
const secondsTag = tag(1, varint);
const nanosTag = tag(2, varint);
const latitudeTag = tag(1, fixed64);
const longitudeTag = tag(2, fixed64);
const elementTag = tag(1, delimited);
const mapEntryTag = tag(1, delimited);
// Every protobuf map entry is {key, value}.
const entryKeyTag = tag(1, delimited);
const entryValueTag = tag(2, delimited);
// Document {name, fields, create_time, update_time}.
const nameTag = tag(1, delimited);
const documentEntryTag = tag(2, delimited);
const createTimeTag = tag(3, delimited);
const updateTimeTag = tag(4, delimited);
// DocumentEventData {value, old_value}; its Document has the field numbers above.
const eventValueTag = tag(1, delimited);
const eventOldValueTag = tag(2, delimited);

/** Timestamps are kept to the microsecond, as production does: what is finer is cut off. */
const nanosPerMicro = 1000;
const nanosPerSecond = 1_000_000_000;

/** Decodes one Value message. @throws FirestoreError INVALID_ARGUMENT */
export const decodeValue = (bytes: Buffer): Value => decoded(bytes, (reader) => readValue(reader, reader.len));

/** Decodes a Document message that a client sent: only its name and fields count.
 *  @throws FirestoreError INVALID_ARGUMENT */
export function decodeDocument(bytes: Buffer): { readonly name: string; readonly fields: Map<string, Value> } {
  return decoded(bytes, (reader) => {
    let name = '';
    const fields = new Map<string, Value>();
    while (reader.pos < reader.len) {
      const fieldTag = reader.uint32();
      if (fieldTag === nameTag) name = reader.string();
      else if (fieldTag === documentEntryTag) readEntry(reader, fields);
      else skip(reader, fieldTag);
    }
    return { name, fields };
  });
}

function decoded<Result>(bytes: Buffer, read: (reader: Reader) => Result): Result {
  try {
    return read(protobuf.Reader.create(bytes));
  } catch (error) {
    if (error instanceof RangeError) throw invalidArgument(`A protobuf message ends inside a field: ${error.message}.`);
    throw error;
  }
}

const skip = (reader: Reader, fieldTag: number) => reader.skipType(fieldTag & ((1 << wireTypeBits) - 1));

/** Where the embedded message ends that begins here. */
const endOf = (reader: Reader) => reader.uint32() + reader.pos;

function readValue(reader: Reader, end: number): Value {
  // The last one wins if a client sent several, as protobuf demands of a oneof.
  let value: Value | undefined;
  while (reader.pos < end) {
    const fieldTag = reader.uint32();
    if (fieldTag === stringTag) value = { type: 'string', value: reader.string() };
    else if (fieldTag === integerTag) value = { type: 'integer', value: readInt64(reader) };
    else if (fieldTag === doubleTag) value = { type: 'double', value: reader.double() };
    else if (fieldTag === booleanTag) value = { type: 'boolean', value: reader.bool() };
    else if (fieldTag === mapTag) value = { type: 'map', fields: readMap(reader, endOf(reader)) };
    else if (fieldTag === arrayTag) value = { type: 'array', values: readElements(reader, endOf(reader)) };
    else if (fieldTag === timestampTag) value = readTimestamp(reader, endOf(reader));
    else if (fieldTag === referenceTag) value = readReference(reader.string());
    else if (fieldTag === bytesTag) value = { type: 'bytes', value: Buffer.from(reader.bytes()) };
    else if (fieldTag === geoPointTag) value = readGeoPoint(reader, endOf(reader));
    else {
      skip(reader, fieldTag);
      if (fieldTag === nullTag) value = nullValue;
    }
  }
  return value ?? typeUnset();
}

function readInt64(reader: Reader): bigint {
  const { low, high } = reader.int64();
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

function typeUnset(): never {
  throw invalidArgument('Cannot convert firestore.v1.Value with type unset.');
}

function readReference(name: string): Value {
  checkReference(name);
  return { type: 'reference', value: name };
}

function readTimestamp(reader: Reader, end: number): Value {
  let seconds = 0;
  let nanos = 0;
  while (reader.pos < end) {
    const fieldTag = reader.uint32();
    if (fieldTag === secondsTag) seconds = Number(readInt64(reader));
    else if (fieldTag === nanosTag) nanos = reader.int32();
    else skip(reader, fieldTag);
  }
  if (seconds < minTimestampSeconds || seconds > maxTimestampSeconds || nanos < 0 || nanos >= nanosPerSecond) {
    throw invalidArgument(`Timestamp ${seconds} s ${nanos} ns lies outside the years 1 to 9999.`);
  }
  return { type: 'timestamp', seconds, nanos: nanos - (nanos % nanosPerMicro) };
}

function readGeoPoint(reader: Reader, end: number): Value {
  let latitude = 0;
  let longitude = 0;
  while (reader.pos < end) {
    const fieldTag = reader.uint32();
    if (fieldTag === latitudeTag) latitude = reader.double();
    else if (fieldTag === longitudeTag) longitude = reader.double();
    else skip(reader, fieldTag);
  }
  checkDegrees('latitude', latitude, 90);
  checkDegrees('longitude', longitude, 180);
  return { type: 'geoPoint', latitude, longitude };
}

function checkDegrees(what: string, degrees: number, most: number): void {
  if (Math.abs(degrees) <= most) return;
  throw invalidArgument(`Geo point ${what} '${degrees}' outside permitted range -${most}.0 to ${most}.0.`);
}

function readElements(reader: Reader, end: number): Value[] {
  const values: Value[] = [];
  while (reader.pos < end) {
    const fieldTag = reader.uint32();
    if (fieldTag === elementTag) values.push(readValue(reader, endOf(reader)));
    else skip(reader, fieldTag);
  }
  return values;
}

function readMap(reader: Reader, end: number): Map<string, Value> {
  const fields = new Map<string, Value>();
  while (reader.pos < end) {
    const fieldTag = reader.uint32();
    if (fieldTag === mapEntryTag) readEntry(reader, fields);
    else skip(reader, fieldTag);
  }
  return fields;
}

function readEntry(reader: Reader, into: Map<string, Value>): void {
  const end = endOf(reader);
  let key = '';
  let value: Value | undefined;
  while (reader.pos < end) {
    const fieldTag = reader.uint32();
    if (fieldTag === entryKeyTag) key = reader.string();
    else if (fieldTag === entryValueTag) value = readValue(reader, endOf(reader));
    else skip(reader, fieldTag);
  }
  into.set(key, value ?? typeUnset());
}

/** The value at a path of keys inside fields that are kept, without decoding anything else; undefined if there is none.
 */
export function findValue(fields: Buffer, keys: readonly Buffer[]): Value | undefined {
  const reader = protobuf.Reader.create(fields);
  let end = reader.len;
  for (const [depth, key] of keys.entries()) {
    if (!findEntry(reader, end, fields, key)) return undefined;
    end = endOf(reader);
    if (depth === keys.length - 1) return readValue(reader, end);
    if (reader.uint32() !== mapTag) return undefined;
    end = endOf(reader);
  }
  return undefined;
}

/** Goes on to the value of a key. What `writeFields` wrote has nothing but entries, each with its key and then its
 *  value. */
function findEntry(reader: Reader, end: number, bytes: Buffer, key: Buffer): boolean {
  while (reader.pos < end) {
    reader.uint32();
    const entryEnd = endOf(reader);
    reader.uint32();
    const keyEnd = endOf(reader);
    if (keyEnd - reader.pos === key.length && bytes.compare(key, 0, key.length, reader.pos, keyEnd) === 0) {
      reader.pos = keyEnd;
      reader.uint32();
      return true;
    }
    reader.pos = entryEnd;
  }
  return false;
}

/** Encodes one Value message. */
export const encodeValue = (value: Value): Buffer => finished(writeValue(protobuf.Writer.create(), value));

/** Encodes fields as they are kept: in the order of their keys, so that equal fields are equal bytes. */
export const encodeFields = (fields: Fields): Buffer =>
  finished(writeFields(protobuf.Writer.create(), fields, documentEntryTag));

/** Decodes fields that are kept. */
export const decodeFields = (fields: Buffer): Fields => decodeDocument(fields).fields;

/** A document's time as protobuf has it. */
interface Time {
  readonly seconds: number;
  readonly nanos: number;
}

/** Encodes a Document message around fields that are kept; one that does not exist has a name and nothing else. */
export function encodeMessage(name: string, fields: Buffer = Buffer.alloc(0), created?: Time, updated?: Time): Buffer {
  const head = protobuf.Writer.create().uint32(nameTag).string(name).finish();
  const tail = protobuf.Writer.create();
  if (created) writeTime(tail.uint32(createTimeTag).fork(), created).ldelim();
  if (updated) writeTime(tail.uint32(updateTimeTag).fork(), updated).ldelim();
  return Buffer.concat([head, fields, tail.finish()]);
}

/** Encodes the DocumentEventData {value, old_value} around encoded documents. */
export function encodeDocumentEventData(value: Buffer | undefined, oldValue: Buffer | undefined): Buffer {
  const writer = protobuf.Writer.create();
  if (value) writer.uint32(eventValueTag).bytes(value);
  if (oldValue) writer.uint32(eventOldValueTag).bytes(oldValue);
  return finished(writer);
}

/** A buffer of its own: the library's lie inside larger ones, which whoever keeps one would keep too. */
function finished(writer: Writer): Buffer {
  const bytes = writer.finish();
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}

function writeValue(writer: Writer, value: Value): Writer {
  switch (value.type) {
    case 'null':
      return writer.uint32(nullTag).uint32(0);
    case 'boolean':
      return writer.uint32(booleanTag).bool(value.value);
    case 'integer':
      return writer.uint32(integerTag).int64(String(value.value));
    case 'double':
      return writer.uint32(doubleTag).double(value.value);
    case 'timestamp':
      return writeTime(writer.uint32(timestampTag).fork(), value).ldelim();
    case 'string':
      return writer.uint32(stringTag).string(value.value);
    case 'bytes':
      return writer.uint32(bytesTag).bytes(value.value);
    case 'reference':
      return writer.uint32(referenceTag).string(value.value);
    case 'geoPoint':
      writer.uint32(geoPointTag).fork().uint32(latitudeTag).double(value.latitude);
      return writer.uint32(longitudeTag).double(value.longitude).ldelim();
    case 'array':
      writer.uint32(arrayTag).fork();
      for (const element of value.values) writeValue(writer.uint32(elementTag).fork(), element).ldelim();
      return writer.ldelim();
    case 'map':
      return writeFields(writer.uint32(mapTag).fork(), value.fields, mapEntryTag).ldelim();
  }
}

const writeTime = (writer: Writer, { seconds, nanos }: Time) =>
  writer.uint32(secondsTag).int64(seconds).uint32(nanosTag).int32(nanos);

function writeFields(writer: Writer, fields: Fields, entryTag: number): Writer {
  for (const [key, value] of [...fields].sort(([a], [b]) => (a < b ? -1 : 1))) {
    writer.uint32(entryTag).fork().uint32(entryKeyTag).string(key);
    writeValue(writer.uint32(entryValueTag).fork(), value).ldelim().ldelim();
  }
  return writer;
}
