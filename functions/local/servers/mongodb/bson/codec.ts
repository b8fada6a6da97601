import { calculateObjectSize, deserialize, serialize, setInternalBufferSize } from 'bson';
import { holdsRawText, reviveText, unmarkText, withMarkedText } from './rawText.ts';
import type { Document } from './values.ts';

const exact = { promoteValues: false, promoteLongs: false, bsonRegExp: true } as const;

/** Decodes a document so that it can be encoded again without loss: types of numbers, options of patterns. */
export function decode(bytes: Uint8Array): Document {
  try {
    return deserialize(bytes, exact);
  } catch (error) {
    const marked = withMarkedText(bytes);
    if (!marked) throw error;
    const document = deserialize(marked, exact);
    reviveText(document);
    return document;
  }
}

/** Decodes a command but leaves the documents of the named array field as the bytes that came. */
export function decodeKeepingRaw(bytes: Uint8Array, field: string): Document {
  return deserialize(bytes, { ...exact, fieldsAsRaw: { [field]: true } });
}

/** What `bson` encodes without being told to make room, in bytes; beyond 17 MiB it cuts text off silently. */
const safeBytes = 16.5 * 1024 * 1024;

const spareBytes = 1024;

/** Encodes a document; fields that are `undefined` are left out. */
export function encode(document: Document): Uint8Array {
  const bytes = encodeAny(document);
  if (holdsRawText(document)) unmarkText(bytes);
  return bytes;
}

function encodeAny(document: Document): Uint8Array {
  try {
    const bytes = serialize(document, { ignoreUndefined: true });
    if (bytes.length < safeBytes) return bytes;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  setInternalBufferSize(calculateObjectSize(document, { ignoreUndefined: true }) + spareBytes);
  return serialize(document, { ignoreUndefined: true });
}

const lengthBytes = 4;
const typeDocument = 0x03;
const typeArray = 0x04;

function elementHeader(type: number, name: string): Buffer {
  const header = Buffer.allocUnsafe(name.length + 2);
  header[0] = type;
  header.write(name, 1, 'latin1');
  header[name.length + 1] = 0;
  return header;
}

function wrap(parts: Uint8Array[]): Buffer {
  let length = lengthBytes + 1;
  for (const part of parts) length += part.length;
  const bytes = Buffer.allocUnsafe(length);
  bytes.writeInt32LE(length, 0);
  let offset = lengthBytes;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  bytes[offset] = 0;
  return bytes;
}

const innerBytes = (document: Uint8Array) => document.subarray(lengthBytes, document.length - 1);

/** An array of documents that are BSON already. */
function encodeRawArray(documents: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [];
  documents.forEach((bytes, index) => {
    parts.push(elementHeader(typeDocument, String(index)), bytes);
  });
  return wrap(parts);
}

/** `{ cursor: { [batchName]: batch, … }, …fields }` with documents that are BSON already. */
export function encodeCursorReply(
  batch: { readonly name: string; readonly documents: readonly Uint8Array[]; readonly fields: Document },
  fields: Document,
): Uint8Array {
  const cursor = wrap([
    elementHeader(typeArray, batch.name),
    encodeRawArray(batch.documents),
    innerBytes(encode(batch.fields)),
  ]);
  return wrap([elementHeader(typeDocument, 'cursor'), cursor, innerBytes(encode(fields))]);
}
