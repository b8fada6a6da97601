import { decode } from '../bson/codec.ts';
import type { Document } from '../bson/values.ts';
import { CommandError } from '../errors.ts';

const flagBytes = 4;
const skipAndCountBytes = 8;

/** Parses an OP_QUERY, which is still used for one thing: the first handshake of a connection. */
export function parseLegacyQuery(payload: Buffer): { namespace: string; body: Document } {
  const nameEnd = payload.indexOf(0, flagBytes);
  if (nameEnd < 0) throw new CommandError(9, 'OP_QUERY without a namespace');
  const start = nameEnd + 1 + skipAndCountBytes;
  const length = payload.readInt32LE(start);
  return {
    namespace: payload.toString('utf8', flagBytes, nameEnd),
    body: decode(payload.subarray(start, start + length)),
  };
}

const responseFlagAwaitCapable = 8;
/** Flags (4), cursor id (8), starting from (4), number returned (4). */
const replyHeadBytes = 20;

/** The payload of an OP_REPLY with one document. */
export function legacyReplyPayload(document: Uint8Array): Uint8Array[] {
  const head = Buffer.alloc(replyHeadBytes);
  head.writeInt32LE(responseFlagAwaitCapable, 0);
  head.writeInt32LE(1, 16);
  return [head, document];
}
