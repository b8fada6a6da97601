import { decode, decodeKeepingRaw } from '../bson/codec.ts';
import type { Document } from '../bson/values.ts';
import { CommandError } from '../errors.ts';

const FLAG_CHECKSUM = 1;
const FLAG_MORE_TO_COME = 1 << 1;
const FLAG_EXHAUST_ALLOWED = 1 << 16;
/** Flags below this bit must be understood; the others may be ignored. */
const REQUIRED_FLAGS = 0xffff;

const CHECKSUM_BYTES = 4;
const FLAG_BYTES = 4;
const SECTION_BODY = 0;
const SECTION_SEQUENCE = 1;
/** Where the name of the first element of a document stands: behind its length and the type of the element. */
const FIRST_NAME_AT = 5;

/** A command as it came over the wire. */
export interface CommandMessage {
  readonly name: string;
  readonly body: Document;
  /** Lists of documents that came beside the body or that are to be stored as they are, still as BSON. */
  readonly sequences: ReadonlyMap<string, readonly Uint8Array[]>;
  /** The client wants no answer (write concern 0). */
  readonly unacknowledged: boolean;
  /** The client takes further answers without asking for them. */
  readonly exhaustAllowed: boolean;
}

/** Parses an OP_MSG. Throws 22 (InvalidBSON) or 9 for what is none. */
export function parseMessage(payload: Buffer): CommandMessage {
  const flags = payload.readUInt32LE(0);
  if (flags & REQUIRED_FLAGS & ~(FLAG_CHECKSUM | FLAG_MORE_TO_COME)) {
    throw new CommandError(9, `OP_MSG message contains illegal flags value: ${flags}`);
  }
  const end = payload.length - (flags & FLAG_CHECKSUM ? CHECKSUM_BYTES : 0);
  const sequences = new Map<string, readonly Uint8Array[]>();
  let bodyBytes: Buffer | undefined;
  let at = FLAG_BYTES;
  while (at < end) {
    const kind = payload.readUInt8(at);
    const length = payload.readInt32LE(at + 1);
    if (length < 5 || at + 1 + length > end) throw new CommandError(22, 'OP_MSG section is longer than the message');
    const section = payload.subarray(at + 1, at + 1 + length);
    if (kind === SECTION_BODY) bodyBytes = section;
    else if (kind === SECTION_SEQUENCE) {
      const { name, documents } = parseSequence(section);
      sequences.set(name, documents);
    } else throw new CommandError(9, `Unknown section kind ${kind}`);
    at += 1 + length;
  }
  if (!bodyBytes) throw new CommandError(9, 'OP_MSG messages must have a body');
  const name = bodyBytes.toString('utf8', FIRST_NAME_AT, bodyBytes.indexOf(0, FIRST_NAME_AT));
  return {
    name,
    body: parseBody(name, bodyBytes, sequences),
    sequences,
    unacknowledged: (flags & FLAG_MORE_TO_COME) !== 0,
    exhaustAllowed: (flags & FLAG_EXHAUST_ALLOWED) !== 0,
  };
}

function parseBody(name: string, bytes: Buffer, sequences: Map<string, readonly Uint8Array[]>): Document {
  try {
    if (name !== 'insert') return decode(bytes);
    const body = decodeKeepingRaw(bytes, 'documents');
    if (Array.isArray(body.documents)) {
      sequences.set(
        'documents',
        body.documents.filter((item): item is Uint8Array => item instanceof Uint8Array),
      );
    }
    return body;
  } catch (error) {
    throw new CommandError(
      22,
      `the command is not valid BSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function parseSequence(section: Buffer): { name: string; documents: Uint8Array[] } {
  const nameEnd = section.indexOf(0, 4);
  const name = section.toString('utf8', 4, nameEnd);
  const documents: Uint8Array[] = [];
  let at = nameEnd + 1;
  while (at < section.length) {
    const length = section.readInt32LE(at);
    if (length < 5 || at + length > section.length) throw new CommandError(22, 'a document is longer than its section');
    documents.push(section.subarray(at, at + length));
    at += length;
  }
  return { name, documents };
}

/** The payload of an OP_MSG reply. */
export function messagePayload(document: Uint8Array, moreToCome: boolean): Uint8Array[] {
  const head = Buffer.alloc(FLAG_BYTES + 1);
  head.writeUInt32LE(moreToCome ? FLAG_MORE_TO_COME : 0, 0);
  return [head, document];
}
