import { FieldPath, type Firestore, type Query } from 'firebase-admin/firestore';

/** Ids of this form are numbers to Firestore, and sort before all texts: documents that have come from Datastore have
 *  them. */
const numericId = /^__id(0|-?[1-9]\d{0,18})__$/;

/** The smallest id that a document can have. */
const smallestId = '__id-9223372036854775808__';
const largestNumber = 2n ** 63n - 1n;

/** Every document in a collection and below it, at any depth, by key: also below documents that do not exist. A
 *  collection selector without an id selects the collections of every id
 *  (google.firestore.v1.StructuredQuery.CollectionSelector). */
export function everythingIn(firestore: Firestore, collection: string): Query {
  return between(firestore, `${collection}/${smallestId}`, `${behind(collection)}/${smallestId}`);
}

/** Every document below another one, by key. */
export function everythingBelow(firestore: Firestore, document: string): Query {
  return between(firestore, document, behind(document)).startAfter(firestore.doc(document));
}

/** The first path behind another one and all below it, which may be its next neighbour's: the smallest id after `x` is
 *  `x\0`, and after `__id5__` it is `__id6__`. */
export function behind(path: string): string {
  const at = path.lastIndexOf('/') + 1;
  const digits = numericId.exec(path.slice(at))?.[1];
  if (digits === undefined) return `${path}\u0000`;
  const number = BigInt(digits);
  // No id of a text is empty.
  return path.slice(0, at) + (number < largestNumber ? `__id${number + 1n}__` : '\u0000');
}

function between(firestore: Firestore, from: string, to: string): Query {
  return firestore
    .collectionGroup('')
    .where(FieldPath.documentId(), '>=', firestore.doc(from))
    .where(FieldPath.documentId(), '<', firestore.doc(to))
    .orderBy(FieldPath.documentId());
}
