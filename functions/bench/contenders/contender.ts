import type { Firestore, Query } from 'firebase-admin/firestore';

/** What is done to all assets of one project. */
export type Work =
  | { readonly kind: 'delete'; readonly projectId: string }
  | { readonly kind: 'rename'; readonly projectId: string; readonly name: string };

/** One way to do it. Resolves when every asset is done. */
export type Contender = (firestore: Firestore, work: Work) => Promise<void>;

/** The collection that the assets are in. */
export const assetCollection = 'generatedMedia';

/** The assets of the project, without their content: what every way reads here, so that none of them pays for fields
 *  that it does not need. */
export function keysOfAssets(firestore: Firestore, { projectId }: Work): Query {
  return firestore.collection(assetCollection).where('projectId', '==', projectId).select();
}
