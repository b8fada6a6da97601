import { decode, decodeKeepingRaw } from '../bson/codec.ts';
import type { Document } from '../bson/values.ts';
import { CommandError } from '../errors.ts';

const flagChecksum = 1;
const flagMoreToCome = 1 << 1;
const flagExhaustAllowed = 1 << 16;
/** Flags below this bit must be understood; the others may be ignored. */
const requiredFlags = 0xffff;

const checksumBytes = 4;
const flagBytes = 4;
const sectionBody = 0;
const sectionSequence = 1;
/** Where the name of the first element of a document stands: behind its length and the type of the element. */
const firstNameAt = 5;

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
  if (flags & requiredFlags & ~(flagChecksum | flagMoreToCome)) {
    throw new CommandError(9, `OP_MSG message contains illegal flags value: ${flags}`);
  }
  const end = payload.length - (flags & flagChecksum ? checksumBytes : 0);
  const sequences = new Map<string, readonly Uint8Array[]>();
  let bodyBytes: Buffer | undefined;
  let at = flagBytes;
  while (at < end) {
    const kind = payload.readUInt8(at);
    const length = payload.readInt32LE(at + 1);
    if (length < 5 || at + 1 + length > end) throw new CommandError(22, 'OP_MSG section is longer than the message');
    const section = payload.subarray(at + 1, at + 1 + length);
    if (kind === sectionBody) bodyBytes = section;
    else if (kind === sectionSequence) {
      const { name, documents } = parseSequence(section);
      sequences.set(name, documents);
    } else throw new CommandError(9, `Unknown section kind ${kind}`);
    at += 1 + length;
  }
  if (!bodyBytes) throw new CommandError(9, 'OP_MSG messages must have a body');
  const name = bodyBytes.toString('utf8', firstNameAt, bodyBytes.indexOf(0, firstNameAt));
  return {
    name,
    body: parseBody(name, bodyBytes, sequences),
    sequences,
    unacknowledged: (flags & flagMoreToCome) !== 0,
    exhaustAllowed: (flags & flagExhaustAllowed) !== 0,
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
  const head = Buffer.alloc(flagBytes + 1);
  head.writeUInt32LE(moreToCome ? flagMoreToCome : 0, 0);
  return [head, document];
}
