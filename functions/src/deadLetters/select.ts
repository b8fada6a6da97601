import { type DocumentSnapshot, FieldPath, type Firestore, type Query } from 'firebase-admin/firestore';
import { recordCollections } from '../config/defineConfig.ts';
import { textFromDocumentId } from '../records/documentIds.ts';
import { failureRef } from './failure.ts';

/** Which dead letters a decision is about: some by name, or all that wait and fit. */
export type DeadLetterSelection =
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  | { readonly kind: 'waiting'; readonly projectId?: string | undefined; readonly reason?: string | undefined };

/** One that was named and is not there. */
export interface MissingLetter {
  readonly missing: string;
}

/** Dead letters in memory at once; each may hold half a MiB. */
const defaultPageSize = 32;

/** The dead letters of a selection in the order of their ids, page by page.
 *  @throws what Firestore answered. */
export async function* selectDeadLetters(
  { firestore, pageSize = defaultPageSize }: { readonly firestore: Firestore; readonly pageSize?: number },
  selection: DeadLetterSelection,
): AsyncGenerator<readonly (DocumentSnapshot | MissingLetter)[], void> {
  if (selection.kind === 'ids') {
    for (const id of selection.ids) yield [(await findDeadLetter(firestore, id)) ?? { missing: id }];
    return;
  }
  const query = waiting(firestore, selection).orderBy(FieldPath.documentId()).limit(pageSize);
  let last: DocumentSnapshot | undefined;
  do {
    const page = await (last === undefined ? query : query.startAfter(last)).get();
    // What fails again meanwhile returns under the same id, which lies behind: each is met once, and this ends.
    if (page.size > 0) yield page.docs;
    last = page.size === pageSize ? page.docs.at(-1) : undefined;
  } while (last !== undefined);
}

/** How many dead letters a selection has. One read per thousand, or one for each that is named. */
export async function countDeadLetters(firestore: Firestore, selection: DeadLetterSelection): Promise<number> {
  if (selection.kind === 'waiting') return (await waiting(firestore, selection).count().get()).data().count;
  const found = await Promise.all(selection.ids.map((id) => findDeadLetter(firestore, id)));
  return found.filter((snapshot) => snapshot?.get('status') === 'dead').length;
}

/** A dead letter by the id of its event, or by that of the document which keeps it. */
export async function findDeadLetter(firestore: Firestore, id: string): Promise<DocumentSnapshot | undefined> {
  for (const candidate of idsMeantBy(id)) {
    const snapshot = await failureRef(firestore, candidate).get();
    if (snapshot.exists) return snapshot;
  }
  return undefined;
}

function waiting(
  firestore: Firestore,
  { projectId, reason }: Extract<DeadLetterSelection, { kind: 'waiting' }>,
): Query {
  let query = firestore.collection(recordCollections.failures).where('status', '==', 'dead');
  if (projectId !== undefined) query = query.where('projectId', '==', projectId);
  if (reason !== undefined) query = query.where('reason', '==', reason);
  return query;
}

function idsMeantBy(id: string): ReadonlySet<string> {
  return new Set([id, textFromDocumentId(id)]);
}
