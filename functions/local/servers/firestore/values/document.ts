import { type FieldPath, project } from './fieldPath.ts';
import { fullName } from './resourceName.ts';
import type { Fields, Value } from './value.ts';
import { decodeFields, encodeFields, encodeMessage, findValue } from './valueCodec.ts';

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

/** All fields of a document. */
export const fieldsOf = (document: StoredDocument): Fields => decodeFields(document.fields);

/** One field of a document, without decoding the others. */
export const fieldOf = (document: StoredDocument, path: FieldPath): Value | undefined =>
  findValue(document.fields, path.encoded);

/** The Document message of a document that does not exist: its name. */
export const encodeName = (database: string, path: string) => encodeMessage(fullName(database, path));

/** The Document message for a client.
 *  @param mask  the only fields wanted; undefined means all of them */
export function encodeDocument(database: string, document: StoredDocument, mask?: readonly FieldPath[]): Buffer {
  const fields = mask === undefined ? document.fields : encodeFields(project((path) => fieldOf(document, path), mask));
  const [created, updated] = [timestampOf(document.createTime), timestampOf(document.updateTime)];
  return encodeMessage(fullName(database, document.path), fields, created, updated);
}
