import { FieldPath, type Firestore, type Query } from 'firebase-admin/firestore';
import { recordCollections } from '../config/defineConfig.ts';

/** The pages of a project, by their ids. */
export function pagesOf(firestore: Firestore, projectId: string, collections: readonly string[] | null = null): Query {
  const pages = firestore.collection(recordCollections.archive).where('projectId', '==', projectId);
  return (collections === null ? pages : pages.where('collection', 'in', [...collections])).orderBy(
    FieldPath.documentId(),
  );
}
