import { maxMessageBytes } from '../topology.ts';

export const opCodes = { reply: 1, query: 2004, message: 2013 } as const;

const headerBytes = 16;

/** One message of the wire protocol. */
export interface WireMessage {
  readonly requestId: number;
  readonly opCode: number;
  /** What stands behind the header. */
  readonly payload: Buffer;
}

/** Cuts the bytes of a connection into messages. */
export interface MessageReader {
  /** Takes bytes, returns the messages that are complete. Throws on a length that no message can have. */
  push(chunk: Buffer): WireMessage[];
}

export function createMessageReader(): MessageReader {
  let chunks: Buffer[] = [];
  let available = 0;
  const takeAll = () => {
    const all = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
    chunks = [all];
    return all;
  };
  return {
    push(chunk) {
      chunks.push(chunk);
      available += chunk.length;
      const messages: WireMessage[] = [];
      while (available >= headerBytes) {
        // Only the length is needed to know whether to wait for more: long messages are not joined again for every
        // chunk.
        const first = chunks[0] && chunks[0].length >= headerBytes ? chunks[0] : takeAll();
        const length = first.readInt32LE(0);
        if (length < headerBytes || length > maxMessageBytes) throw new RangeError(`a message of ${length} bytes`);
        if (available < length) break;
        const all = takeAll();
        messages.push({
          requestId: all.readInt32LE(4),
          opCode: all.readInt32LE(12),
          payload: all.subarray(headerBytes, length),
        });
        chunks = all.length > length ? [all.subarray(length)] : [];
        available -= length;
      }
      return messages;
    },
  };
}

/** Puts a header in front of a payload. */
export function frame(message: {
  requestId: number;
  responseTo: number;
  opCode: number;
  payload: readonly Uint8Array[];
}): Buffer {
  const length = message.payload.reduce((sum, part) => sum + part.length, headerBytes);
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeInt32LE(length, 0);
  header.writeInt32LE(message.requestId, 4);
  header.writeInt32LE(message.responseTo, 8);
  header.writeInt32LE(message.opCode, 12);
  return Buffer.concat([header, ...message.payload], length);
}
