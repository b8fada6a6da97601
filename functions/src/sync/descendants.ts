import { type DocumentReference, FieldPath, type Firestore, type Query } from 'firebase-admin/firestore';

/** Every document below another one, at any depth and in any subcollection, by key: names only.
 *
 *  A collection selector without an id selects the collections of every id (google.firestore.v1.StructuredQuery.CollectionSelector), and
 *  the range keeps the names that begin with the document's: the smallest id after `x` is `x\0`. This is the query with which the
 *  client library's own `recursiveDelete` finds documents, so that one call per asset is enough. */
export function descendantsOf(firestore: Firestore, document: DocumentReference): Query {
  return firestore
    .collectionGroup('')
    .where(FieldPath.documentId(), '>', document)
    .where(FieldPath.documentId(), '<', firestore.doc(`${document.path}\u0000`))
    .select(FieldPath.documentId());
}
