import { type DocumentSnapshot, FieldPath, type Query, Timestamp } from 'firebase-admin/firestore';
import { recordCollections } from '../../config/defineConfig.ts';
import { type Failure, parseFailure } from '../../deadLetters/failure.ts';
import { HeldDeletionError, openStatuses, parseHeldDeletion } from '../../holds/job.ts';
import { errorText } from '../../log.ts';
import { documentIdFrom, textFromDocumentId } from '../../records/documentIds.ts';
import type { DeadLetterView, HoldView } from '../views/decisions.ts';
import { nextOf, pageSize } from './paging.ts';
import type { ReaderDependencies, Views } from './views.ts';

/** The statuses of records, by what they are called here; a record of any other one is shown as `open`. */
const recordStatus = {
  failing: 'failing',
  open: 'dead',
  redriven: 'redriven',
  resolved: 'resolved',
  dropped: 'dropped',
};

/** What waits for a person: dead letters and held deletions, the newest first. */
export function createDecisionsReader({
  firestore,
}: ReaderDependencies): Pick<Views, 'deadLetters' | 'deadLetter' | 'holds'> {
  const failures = firestore.collection(recordCollections.failures);
  const jobs = firestore.collection(recordCollections.jobs);
  return {
    async deadLetters(status, after) {
      let query: Query = failures.orderBy('lastAt', 'desc').orderBy(FieldPath.documentId(), 'desc');
      if (status !== undefined) query = query.where('status', '==', recordStatus[status]);
      if (after !== undefined) query = query.startAfter(Timestamp.fromMillis(after.at), documentIdFrom(after.id));
      const items = (await query.limit(pageSize(after)).get()).docs.map(deadLetterFrom);
      return { items, next: nextOf(items, after, ({ id, lastAt }) => ({ id, at: lastAt })) };
    },
    async deadLetter(id) {
      const snapshot = await failures.doc(documentIdFrom(id)).get();
      return snapshot.exists ? deadLetterFrom(snapshot) : undefined;
    },
    async holds(after) {
      let query = jobs
        .where('status', 'in', [...openStatuses])
        .orderBy('startedAt', 'desc')
        .orderBy(FieldPath.documentId(), 'desc');
      if (after !== undefined) query = query.startAfter(Timestamp.fromMillis(after.at), documentIdFrom(after.id));
      const { docs } = await query.limit(pageSize(after)).get();
      return {
        items: docs.map(holdFrom),
        next: nextOf(docs, after, (snapshot) => ({
          id: textFromDocumentId(snapshot.id),
          at: millis(snapshot.get('startedAt')),
        })),
      };
    },
  };
}

function deadLetterFrom(snapshot: DocumentSnapshot): DeadLetterView {
  const id = textFromDocumentId(snapshot.id);
  try {
    return viewOf(parseFailure(id, snapshot.data()));
  } catch (error) {
    // One that cannot be read is shown as it is; the others are shown all the same (I11).
    const lastAt = millis(snapshot.get('lastAt'));
    return {
      id,
      projectId: null,
      asset: null,
      status: 'open',
      reason: 'unreadable-record',
      error: errorText(error),
      attempts: 0,
      firstAt: lastAt,
      lastAt,
      message: '',
      attributes: {},
    };
  }
}

function viewOf({ id, projectId, asset, status, reason, error, attempts, firstAt, lastAt, ...rest }: Failure) {
  return {
    id,
    projectId,
    asset,
    status: status === 'dead' ? 'open' : status,
    reason,
    error,
    attempts,
    firstAt,
    lastAt,
    message: rest.preview,
    attributes: { ...rest.attributes },
  } satisfies DeadLetterView;
}

function holdFrom(snapshot: DocumentSnapshot): HoldView {
  try {
    const { event, projectId, status, since, assets } = parseHeldDeletion(snapshot);
    return { eventId: event.id, projectId, status, since, assets, actor: event.origin.actor ?? null, problem: null };
  } catch (error) {
    if (!(error instanceof HeldDeletionError)) throw error;
    const projectId: unknown = snapshot.get('projectId');
    return {
      eventId: textFromDocumentId(snapshot.id),
      projectId: typeof projectId === 'string' ? projectId : '',
      status: 'unreadable',
      since: null,
      assets: null,
      actor: null,
      problem: errorText(error),
    };
  }
}

function millis(value: unknown): number {
  return value instanceof Timestamp ? value.toMillis() : 0;
}
