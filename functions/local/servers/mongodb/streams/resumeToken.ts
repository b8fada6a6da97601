import { Binary } from 'bson';
import { type Document, isDocument } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { OpTime } from '../storage/clusterClock.ts';

/** Where a change stream stands. */
export type ResumePoint =
  /** Before everything that happens at this time or later. */
  | { readonly kind: 'mark'; readonly time: OpTime }
  /** Right behind one event; `fromInvalidate` tells the `invalidate` that follows a `drop` from the `drop` itself. */
  | {
      readonly kind: 'event';
      readonly time: OpTime;
      readonly ordinal: number;
      readonly fromInvalidate: boolean;
      /** Behind this fragment of an event that was split, counted from 0. */
      readonly fragment?: number | undefined;
    };

// The bytes of a real token (format version 2), which sorts as the events do: each value is preceded by a byte for its
// type.
const timestampByte = '82';
const version2 = '2B04';
const kindBytes = { mark: '29', event: '2C0100' } as const;
const zeroByte = '29';
const falseByte = '6E';
const trueByte = '6F';
const nullByte = '14';
const endByte = '04';

/** The type bytes of positive whole numbers of 1, 2, 3 and 4 bytes. */
const integerBytes = ['2B', '2C', '2D', '2E'] as const;

const hex = (n: number, digits: number) => n.toString(16).toUpperCase().padStart(digits, '0');

function integer(n: number): string {
  if (n === 0) return zeroByte;
  // The lowest bit says whether a fraction follows.
  const digits = (n * 2).toString(16).toUpperCase();
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  return `${integerBytes[even.length / 2 - 1]}${even}`;
}

/** The token of a point; tokens sort as the points do. A real one also names the collection and the document. */
export function encodeToken(point: ResumePoint): Document {
  const head = `${timestampByte}${hex(point.time.t, 8)}${hex(point.time.i, 8)}${version2}`;
  if (point.kind === 'mark') return { _data: `${head}${kindBytes.mark}${zeroByte}${falseByte}${nullByte}${endByte}` };
  const place = `${kindBytes.event}${integer(point.ordinal)}${point.fromInvalidate ? trueByte : falseByte}`;
  const fragment = point.fragment === undefined ? '' : integer(point.fragment);
  return { _data: `${head}${place}${fragment}${nullByte}${endByte}` };
}

const tokenPattern =
  /^82([0-9A-F]{8})([0-9A-F]{8})2B0[24](29|2C0100)(?:29|2B(..)|2C(.{4})|2D(.{6})|2E(.{8}))(6E|6F)(29|2B..)?1404$/;

/** Reads a token. Throws 260 (InvalidResumeToken). */
export function decodeToken(token: unknown): ResumePoint {
  const data = isDocument(token) ? token._data : undefined;
  const text = data instanceof Binary ? Buffer.from(data.value()).toString('hex') : data;
  if (typeof text !== 'string')
    throw new CommandError(260, `Bad resume token: _data of missing or of wrong type: ${JSON.stringify(token)}`);
  if (!/^([0-9A-Fa-f]{2})*$/.test(text)) throw new CommandError(260, 'resume token string was not a valid hex string');
  const parsed = tokenPattern.exec(text.toUpperCase());
  if (!parsed) throw new CommandError(260, `resume token has a format that this server does not know: ${text}`);
  const [, t = '0', i = '0', kind, one, two, three, four, invalidate, fragment] = parsed;
  const time: OpTime = { t: Number.parseInt(t, 16), i: Number.parseInt(i, 16) };
  if (kind === kindBytes.mark) return { kind: 'mark', time };
  const ordinal = Number.parseInt(one ?? two ?? three ?? four ?? '0', 16) / 2;
  return {
    kind: 'event',
    time,
    ordinal,
    fromInvalidate: invalidate === trueByte,
    ...(fragment === undefined ? {} : { fragment: Number.parseInt(fragment.slice(2) || '0', 16) / 2 }),
  };
}
