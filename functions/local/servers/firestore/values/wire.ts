// The few parts of the protobuf wire format that documents and values are made of. Everything around them is decoded by
// proto-loader; these are not, because they are stored, compared and sent back as the bytes they are.

import { invalidArgument } from '../status.ts';

/** Wire types of protobuf: how the bytes after a field's tag are delimited. */
export const varintType = 0;
export const fixed64Type = 1;
export const bytesType = 2;
const fixed32Type = 5;

/** Bits of a tag that hold the wire type. */
const wireTypeBits = 3;
/** Bytes that one varint byte's payload is worth: seven bits. */
const varintBits = 7n;
const continuesBit = 0x80;
const payloadBits = 0x7f;

/** The tag that precedes a field. */
export const tag = (field: number, wireType: number) => (field << wireTypeBits) | wireType;

/** Reads fields one after the other from a slice of a message. */
export class WireReader {
  readonly bytes: Buffer;
  offset: number;
  readonly end: number;

  constructor(bytes: Buffer, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get done(): boolean {
    return this.offset >= this.end;
  }

  /** A tag, a length or a small number: at most 32 bits. */
  uint32(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte();
      value |= (byte & payloadBits) << shift;
      if (byte < continuesBit) return value >>> 0;
    }
  }

  /** A 64-bit two's complement integer. */
  int64(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += varintBits) {
      const byte = this.#byte();
      value |= BigInt(byte & payloadBits) << shift;
      if (byte < continuesBit) return BigInt.asIntN(64, value);
    }
  }

  double(): number {
    const value = this.bytes.readDoubleLE(this.#advance(8));
    return value;
  }

  string(): string {
    const length = this.uint32();
    const start = this.#advance(length);
    return this.bytes.toString('utf8', start, start + length);
  }

  slice(): Buffer {
    const length = this.uint32();
    const start = this.#advance(length);
    return this.bytes.subarray(start, start + length);
  }

  /** A reader of the embedded message that begins here. */
  message(): WireReader {
    const length = this.uint32();
    const start = this.#advance(length);
    return new WireReader(this.bytes, start, start + length);
  }

  /** Passes over the value of a field whose tag has just been read. */
  skip(fieldTag: number): void {
    const wireType = fieldTag & ((1 << wireTypeBits) - 1);
    if (wireType === varintType) this.int64();
    else if (wireType === fixed64Type) this.#advance(8);
    else if (wireType === bytesType) this.#advance(this.uint32());
    else if (wireType === fixed32Type) this.#advance(4);
    else throw invalidArgument(`A protobuf message has a field of wire type ${wireType}, which there is none of.`);
  }

  #byte(): number {
    const byte = this.bytes[this.#advance(1)];
    return byte ?? 0;
  }

  #advance(length: number): number {
    const start = this.offset;
    if (start + length > this.end) throw invalidArgument('A protobuf message ends inside a field.');
    this.offset = start + length;
    return start;
  }
}

/** The buffer a writer starts with: most documents fit, so that it rarely grows. */
const initialBytes = 1024;
/** The longest varint: ten groups of seven bits hold 64. */
const maxVarintBytes = 10;

/** Appends fields to a buffer that grows as needed. One writer is reused for many messages. */
export class WireWriter {
  #bytes = Buffer.allocUnsafeSlow(initialBytes);
  #length = 0;

  /** What has been written, as a copy of its own; the writer starts again empty. */
  finish(): Buffer {
    const result = Buffer.allocUnsafeSlow(this.#length);
    this.#bytes.copy(result, 0, 0, this.#length);
    this.#length = 0;
    return result;
  }

  uint32(value: number): void {
    this.#reserve(maxVarintBytes);
    let rest = value;
    while (rest >= continuesBit) {
      this.#bytes[this.#length++] = (rest & payloadBits) | continuesBit;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  int64(value: bigint): void {
    this.#reserve(maxVarintBytes);
    let rest = BigInt.asUintN(64, value);
    while (rest >= BigInt(continuesBit)) {
      this.#bytes[this.#length++] = Number(rest & BigInt(payloadBits)) | continuesBit;
      rest >>= varintBits;
    }
    this.#bytes[this.#length++] = Number(rest);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
  }

  string(value: string): void {
    const length = Buffer.byteLength(value);
    this.uint32(length);
    this.#reserve(length);
    this.#length += this.#bytes.write(value, this.#length, length, 'utf8');
  }

  /** Bytes with their length before them. */
  slice(value: Uint8Array): void {
    this.uint32(value.length);
    this.raw(value);
  }

  /** Bytes as they are: fields that are encoded already. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** An embedded message: what `write` appends, with its length before it. */
  message(write: () => void): void {
    // One byte is kept for the length; a message of 128 bytes or more is moved up to make room for the rest of it.
    const start = this.#length;
    this.#reserve(1);
    this.#length += 1;
    write();
    const length = this.#length - start - 1;
    let lengthBytes = 1;
    for (let rest = length >>> 7; rest > 0; rest >>>= 7) lengthBytes += 1;
    if (lengthBytes > 1) {
      this.#reserve(lengthBytes);
      this.#bytes.copyWithin(start + lengthBytes, start + 1, this.#length);
    }
    this.#length = start;
    this.uint32(length);
    this.#length += length;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
