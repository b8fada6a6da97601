import { Int32 } from 'bson';
import { equalValues } from '../bson/orderKey.ts';
import { isDocument } from '../bson/values.ts';
import { badValue, failedToParse } from '../errors.ts';
import type { CollectionIndex } from '../storage/collectionIndex.ts';

export type Hint =
  | { readonly kind: 'natural'; readonly direction: unknown }
  /** `undefined` is the index on `_id`. */
  | { readonly kind: 'index'; readonly index: CollectionIndex | undefined };

/** Reads a hint. Throws 2 (BadValue) where it names no index. */
export function parseHint(hint: unknown, indexes: readonly CollectionIndex[]): Hint | undefined {
  if (hint === undefined || (isDocument(hint) && Object.keys(hint).length === 0)) return undefined;
  if (typeof hint !== 'string' && !isDocument(hint)) throw failedToParse('Hint must be a string or an object');
  if (isDocument(hint) && '$natural' in hint) return { kind: 'natural', direction: hint.$natural };
  if (typeof hint === 'string' ? hint === '_id_' : equalValues(hint, { _id: new Int32(1) }))
    return { kind: 'index', index: undefined };
  const index = indexes.find(({ spec }) =>
    typeof hint === 'string' ? spec.name === hint : equalValues(spec.key, hint),
  );
  if (!index) throw badValue('hint provided does not correspond to an existing index');
  return { kind: 'index', index };
}
