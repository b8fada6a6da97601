import { FieldPath, type Firestore, type Query } from 'firebase-admin/firestore';

/** The smallest id that a document can have: ids of this form are numbers, and sort before all texts. */
const smallestId = '__id-9223372036854775808__';

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

/** A path behind another one and all below it, and before its next neighbour: the smallest id after `x` is `x\0`. */
export function behind(path: string): string {
  return `${path}\u0000`;
}

function between(firestore: Firestore, from: string, to: string): Query {
  return firestore
    .collectionGroup('')
    .where(FieldPath.documentId(), '>=', firestore.doc(from))
    .where(FieldPath.documentId(), '<', firestore.doc(to))
    .orderBy(FieldPath.documentId());
}
