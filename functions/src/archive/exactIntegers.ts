import type { DocumentData, DocumentSnapshot } from 'firebase-admin/firestore';
import { z } from 'zod';

/** Data of a document with its integers beyond 2^53 as bigint: the SDK reads them as the nearest double. Which they are
 *  is known from the document in a bundle (https://firebase.google.com/docs/firestore/bundles); documents that have no
 *  such number, nearly all, are not put into one. */
export function withExactIntegers(snapshot: DocumentSnapshot, data: DocumentData): DocumentData {
  if (!hasUnsafeInteger(data)) return data;
  const { fields } = documentIn(snapshot.ref.firestore.bundle('archive').add(snapshot).build());
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, exact(value, fields[key])]));
}

function hasUnsafeInteger(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value);
  if (Array.isArray(value)) return value.some(hasUnsafeInteger);
  return isMap(value) && Object.values(value).some(hasUnsafeInteger);
}

function exact(value: unknown, wire: WireValue | undefined): unknown {
  if (typeof value === 'number') return wire?.integerValue === undefined ? value : integer(value, wire.integerValue);
  if (Array.isArray(value)) return value.map((item, at) => exact(item, wire?.arrayValue?.values?.[at]));
  if (!isMap(value)) return value;
  const fields = wire?.mapValue?.fields ?? {};
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, exact(inner, fields[key])]));
}

function integer(value: number, digits: string): number | bigint {
  return Number.isSafeInteger(value) ? value : BigInt(digits);
}

/** Whether a value that the SDK has read is a map. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** What is needed of google.firestore.v1.Value in its JSON form. */
interface WireValue {
  readonly integerValue?: string | undefined;
  readonly arrayValue?: { readonly values?: readonly WireValue[] | undefined } | undefined;
  readonly mapValue?: { readonly fields?: Readonly<Record<string, WireValue>> | undefined } | undefined;
}

const wireValue: z.ZodType<WireValue> = z.lazy(() =>
  z.object({
    integerValue: z.string().optional(),
    arrayValue: z.object({ values: z.array(wireValue).optional() }).optional(),
    mapValue: z.object({ fields: z.record(z.string(), wireValue).optional() }).optional(),
  }),
);
const bundleElement = z.object({ document: z.object({ fields: z.record(z.string(), wireValue) }).optional() });

/** The one document in a bundle: a sequence of elements in JSON, each after its length in bytes. */
function documentIn(bundle: Buffer): { readonly fields: Readonly<Record<string, WireValue>> } {
  for (let at = 0; at < bundle.length; ) {
    const start = bundle.indexOf('{', at);
    const end = start + Number(bundle.toString('utf8', at, start));
    const { document } = bundleElement.parse(JSON.parse(bundle.toString('utf8', start, end)));
    if (document !== undefined) return document;
    at = end;
  }
  throw new Error('a bundle of one document holds none');
}
