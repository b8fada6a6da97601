import { type FieldPath, project } from './fieldPath.ts';
import { fullName } from './resourceName.ts';
import type { Fields, Value } from './value.ts';
import { documentEntryTag, findValue, readFields, writeFields, writeTimestamp } from './valueCodec.ts';
import { bytesType, tag, WireReader, WireWriter } from './wire.ts';

/** Microseconds since the Unix epoch: the resolution of Firestore's own times. A double holds them exactly until the
 *  year 2255. */
export type Micros = number;

/** A document as it is kept: its fields stay encoded, because most of what happens to them is being sent. Immutable. */
export interface StoredDocument {
  /** Below the root of its database: `collection/id` … */
  readonly path: string;
  /** `map<string, Value>` in canonical order: two documents have equal fields if and only if these bytes are equal. */
  readonly fields: Buffer;
  readonly createTime: Micros;
  readonly updateTime: Micros;
  /** Its size, and that of its index entries, as the published limits count them. */
  readonly bytes: number;
  readonly entryBytes: number;
}

// Field numbers of google.firestore.v1.Document.
const nameTag = tag(1, bytesType);
const createTimeTag = tag(3, bytesType);
const updateTimeTag = tag(4, bytesType);

const microsPerSecond = 1_000_000;
const nanosPerMicro = 1000;

/** A time as protobuf's Timestamp has it. */
export function timestampOf(micros: Micros): { seconds: number; nanos: number } {
  const seconds = Math.floor(micros / microsPerSecond);
  return { seconds, nanos: (micros - seconds * microsPerSecond) * nanosPerMicro };
}

/** A protobuf Timestamp as microseconds; what is finer is cut off. */
export function microsOf(timestamp: {
  readonly seconds?: string | number | undefined;
  readonly nanos?: number | undefined;
}): Micros {
  return Number(timestamp.seconds ?? 0) * microsPerSecond + Math.floor((timestamp.nanos ?? 0) / nanosPerMicro);
}

/** A Document message that a client sent: only its name and fields count. */
export function decodeDocument(bytes: Buffer): { readonly name: string; readonly fields: Fields } {
  const reader = new WireReader(bytes);
  let name = '';
  while (!reader.done) {
    const fieldTag = reader.uint32();
    if (fieldTag === nameTag) name = reader.string();
    else reader.skip(fieldTag);
  }
  return { name, fields: readFields(new WireReader(bytes), documentEntryTag) };
}

const sharedWriter = new WireWriter();

/** Fields in the form in which documents are kept. */
export function encodeFields(fields: Fields): Buffer {
  writeFields(sharedWriter, fields, documentEntryTag);
  return sharedWriter.finish();
}

/** All fields of a document. */
export function fieldsOf(document: StoredDocument): Fields {
  return readFields(new WireReader(document.fields), documentEntryTag);
}

/** One field of a document, without decoding the others. */
export function fieldOf(document: StoredDocument, path: FieldPath): Value | undefined {
  return findValue(document.fields, path.encoded);
}

/** The Document message of a document that does not exist: its name. */
export function encodeName(database: string, path: string): Buffer {
  sharedWriter.uint32(nameTag);
  sharedWriter.string(fullName(database, path));
  return sharedWriter.finish();
}

/** The Document message for a client.
 *  @param mask  the only fields wanted; undefined means all of them */
export function encodeDocument(database: string, document: StoredDocument, mask?: readonly FieldPath[]): Buffer {
  const writer = sharedWriter;
  const fields = mask === undefined ? document.fields : encodeFields(project((path) => fieldOf(document, path), mask));
  writer.uint32(nameTag);
  writer.string(fullName(database, document.path));
  writer.raw(fields);
  const created = timestampOf(document.createTime);
  const updated = timestampOf(document.updateTime);
  writer.uint32(createTimeTag);
  writer.message(() => writeTimestamp(writer, created.seconds, created.nanos));
  writer.uint32(updateTimeTag);
  writer.message(() => writeTimestamp(writer, updated.seconds, updated.nanos));
  return writer.finish();
}
