import { isUtf8 } from 'node:buffer';
import { Binary, onDemand } from 'bson';

/** Marks text that is not UTF-8 while it passes through the `bson` package, which knows text as UTF-8 only. */
const markerSubtype = 0xfe;

/** Text that is not UTF-8: like a real server, this one stores and streams it by its bytes. */
export class RawText extends Binary {
  constructor(bytes: Uint8Array) {
    super(bytes, markerSubtype);
  }
}

const typeString = 0x02;
const typeDocument = 0x03;
const typeArray = 0x04;
const typeBinary = 0x05;
const lengthBytes = 4;

/** Whether any such text has been met in this process; until then nothing has to be searched for it. */
let met = false;

/** A copy in which text that is not UTF-8 has become binary, which is as long; `undefined` if there is none. */
export function withMarkedText(document: Uint8Array): Uint8Array | undefined {
  const bytes = Buffer.from(document);
  const found = rewrite(bytes, 0, (type, at, length) => {
    if (type === typeBinary && bytes[at + lengthBytes] === markerSubtype)
      throw new RangeError(`binary of subtype ${markerSubtype} beside text that is not UTF-8`);
    if (type !== typeString || isUtf8(bytes.subarray(at + lengthBytes, at + length - 1))) return undefined;
    bytes.writeInt32LE(length - lengthBytes - 1, at);
    bytes.copyWithin(at + lengthBytes + 1, at + lengthBytes, at + length - 1);
    bytes[at + lengthBytes] = markerSubtype;
    return typeBinary;
  });
  met ||= found;
  return found ? bytes : undefined;
}

/** The way back: what `withMarkedText` marked becomes text again, in place. */
export function unmarkText(bytes: Uint8Array): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  rewrite(buffer, 0, (type, at, length) => {
    if (type !== typeBinary || buffer[at + lengthBytes] !== markerSubtype) return undefined;
    buffer.writeInt32LE(length - lengthBytes, at);
    buffer.copyWithin(at + lengthBytes, at + lengthBytes + 1, at + length);
    buffer[at + length - 1] = 0;
    return typeString;
  });
}

/** Puts `RawText` in the place of the marked binaries of a decoded document. */
export function reviveText(value: unknown): unknown {
  if (value instanceof Binary) return value.sub_type === markerSubtype ? new RawText(value.value()) : value;
  if (isContainer(value)) for (const name of Object.keys(value)) value[name] = reviveText(value[name]);
  return value;
}

export function holdsRawText(value: unknown): boolean {
  if (!met) return false;
  return value instanceof RawText || (isContainer(value) && Object.values(value).some(holdsRawText));
}

function isContainer(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

/** Visits every value, from the bytes; the visitor may give it another type. Whether it did. */
function rewrite(
  bytes: Buffer,
  start: number,
  visit: (type: number, at: number, length: number) => number | undefined,
): boolean {
  let changed = false;
  for (const [type, nameAt, , at, length] of onDemand.parseToElements(bytes, start)) {
    if (type === typeDocument || type === typeArray) {
      if (rewrite(bytes, at, visit)) changed = true;
      continue;
    }
    const next = visit(type, at, length);
    if (next === undefined) continue;
    bytes[nameAt - 1] = next;
    changed = true;
  }
  return changed;
}
