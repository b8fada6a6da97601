import {
  type DocumentData,
  DocumentReference,
  type DocumentSnapshot,
  FieldValue,
  type Firestore,
  GeoPoint,
  Timestamp,
} from 'firebase-admin/firestore';
import { z } from 'zod';
import { isMap, withExactIntegers } from './exactIntegers.ts';

/** A Firestore document as it is archived. */
export interface ArchivedDocument {
  /** Relative to the database: `storyboards/s1`. */
  readonly path: string;
  readonly data: DocumentData;
}

/** A document as one line of text, from which `decodeDocument` makes the same again: every value that the Admin SDK can
 *  write. What the SDK itself does not tell is lost: whether a whole number was a double, and in which other database a
 *  reference points. */
export function encodeDocument(document: ArchivedDocument): string {
  return JSON.stringify({ path: document.path, data: encodeMap(document.data) });
}

/** The line of a document that exists, with integers beyond 2^53 as they are in the database.
 *  @throws Error when it does not exist. */
export function encodeSnapshot(snapshot: DocumentSnapshot): string {
  const { path } = snapshot.ref;
  const data = snapshot.data();
  if (data === undefined) throw new Error(`${path} cannot be archived: it does not exist`);
  return encodeDocument({ path, data: withExactIntegers(snapshot, data) });
}

/** The document that a line stands for, its references in this database.
 *  @throws ArchivedDocumentError when the line is not one of `encodeDocument`. */
export function decodeDocument(firestore: Firestore, line: string): ArchivedDocument {
  try {
    const { path, data } = lineSchema.parse(JSON.parse(line));
    return { path, data: decodeMap(firestore, data) };
  } catch (error) {
    throw new ArchivedDocumentError(line, error);
  }
}

/** What is archived as a document is none. */
export class ArchivedDocumentError extends Error {
  constructor(line: string, cause: unknown) {
    super(`an archived document cannot be read (it begins with ${line.slice(0, 80)}): its page stays as it is`, {
      cause,
    });
    this.name = 'ArchivedDocumentError';
  }
}

/** Values without a form of their own in JSON are maps of one key, which begins with this. */
const mark = '$';

/** Numbers that JSON does not have, or not as they are. */
const namedNumbers: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['-0', -0],
]);

function encodeValue(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return encodeNumber(value);
  if (typeof value === 'bigint') return { $integer: value.toString() };
  if (Array.isArray(value)) return value.map(encodeValue);
  if (value instanceof Timestamp) return { $time: [value.seconds, value.nanoseconds] };
  if (value instanceof DocumentReference) return { $reference: value.path };
  if (value instanceof GeoPoint) return { $point: [encodeNumber(value.latitude), encodeNumber(value.longitude)] };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  if (isVector(value)) return { $vector: value.toArray().map(encodeNumber) };
  if (isMap(value)) return encodeMap(value);
  throw new TypeError(`a value that Firestore does not have cannot be archived: ${typeof value}`);
}

function encodeNumber(value: number): unknown {
  if (Number.isFinite(value) && !Object.is(value, -0)) return value;
  return { $number: Object.is(value, -0) ? '-0' : String(value) };
}

function encodeMap(map: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(map).map(([key, value]) => [key, encodeValue(value)] as const);
  // Such a key could be taken for one of the marks.
  if (entries.some(([key]) => key.startsWith(mark))) return { $map: entries };
  return Object.fromEntries(entries);
}

type Vector = ReturnType<typeof FieldValue.vector>;

function isVector(value: unknown): value is Vector {
  return typeof value === 'object' && value?.constructor === vectorClass;
}

/** The SDK does not export it as a value. */
const vectorClass = FieldValue.vector([]).constructor;

const mapSchema = z.record(z.string(), z.unknown());
const lineSchema = z.strictObject({ path: z.string().min(1), data: mapSchema });
const numberSchema = z.union([
  z.number(),
  z.strictObject({ $number: z.string() }).transform(({ $number }, context) => {
    const named = namedNumbers.get($number);
    if (named !== undefined) return named;
    context.addIssue({ code: 'custom', message: `no number is called ${$number}` });
    return z.NEVER;
  }),
]);

/** What each mark stands for. */
const decoders: Readonly<Record<string, (firestore: Firestore, value: unknown) => unknown>> = {
  $number: (_, value) => numberSchema.parse({ $number: value }),
  $integer: (_, value) => BigInt(z.string().parse(value)),
  $time: (_, value) => new Timestamp(...z.tuple([z.number(), z.number()]).parse(value)),
  $reference: (firestore, value) => firestore.doc(z.string().parse(value)),
  $point: (_, value) => new GeoPoint(...z.tuple([numberSchema, numberSchema]).parse(value)),
  $bytes: (_, value) => Buffer.from(z.base64().parse(value), 'base64'),
  $vector: (_, value) => FieldValue.vector(z.array(numberSchema).parse(value)),
  $map: (firestore, value) => decodeEntries(firestore, z.array(z.tuple([z.string(), z.unknown()])).parse(value)),
};

function decodeValue(firestore: Firestore, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => decodeValue(firestore, item));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [first] = entries;
  if (first === undefined || !first[0].startsWith(mark)) return decodeEntries(firestore, entries);
  const [name, inner] = first;
  const decode = decoders[name];
  if (decode === undefined || entries.length > 1) throw new Error(`${name} is not a kind of value`);
  return decode(firestore, inner);
}

function decodeMap(firestore: Firestore, value: unknown): DocumentData {
  return z.custom<DocumentData>(isMap).parse(decodeValue(firestore, value));
}

function decodeEntries(
  firestore: Firestore,
  entries: readonly (readonly [string, unknown])[],
): Record<string, unknown> {
  return Object.fromEntries(entries.map(([key, value]) => [key, decodeValue(firestore, value)]));
}
