import type { Firestore, Query, QueryDocumentSnapshot } from 'firebase-admin/firestore';
import { collectionIdOf, liesIn, type Place } from '../config/place.ts';

/** Every document that may be an asset of a place. Firestore knows no wildcards in a query: for a pattern these are all
 *  collections of the last segment's id, and `assetsAmong` says which documents are assets. */
export function assetsAt(firestore: Firestore, place: Place): Query {
  return place.kind === 'path' ? firestore.collection(place.name) : firestore.collectionGroup(collectionIdOf(place));
}

/** Those of the documents, which a query of `assetsAt` returned, that are assets of the place. */
export function assetsAmong(
  place: Place,
  documents: readonly QueryDocumentSnapshot[],
): readonly QueryDocumentSnapshot[] {
  return place.kind === 'pattern' ? documents.filter(({ ref }) => liesIn(place, ref.path)) : documents;
}
