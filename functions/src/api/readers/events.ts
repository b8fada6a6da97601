import { type DocumentSnapshot, FieldPath, Timestamp } from 'firebase-admin/firestore';
import { recordCollections } from '../../config/defineConfig.ts';
import { documentIdFrom, textFromDocumentId } from '../../records/documentIds.ts';
import { eventViewOf, openEventViews } from '../../records/eventView.ts';
import { HistoryEntryError } from '../../records/historyEntry.ts';
import { parseProjectRecord, projectRecordRef } from '../../records/projectRecord.ts';
import type { EventView } from '../views/projects.ts';
import { nextOf, pageSize } from './paging.ts';
import type { ReaderDependencies, Views } from './views.ts';

/** The events of a project, the newest first. Those whose work is not over stand in the project's record. */
export function createEventsReader({ firestore }: ReaderDependencies): Pick<Views, 'events'> {
  const history = firestore.collection(recordCollections.events);
  return {
    async events(projectId, after) {
      const query = history
        .where('projectId', '==', projectId)
        .orderBy('receivedAt', 'desc')
        .orderBy(FieldPath.documentId(), 'desc')
        .limit(pageSize(after));
      const page =
        after === undefined
          ? query
          : query.startAfter(after.at === null ? null : Timestamp.fromMillis(after.at), documentIdFrom(after.id));
      const [{ docs }, record] = await Promise.all([page.get(), projectRecordRef(firestore, projectId).get()]);
      const open = openEventViews(parseProjectRecord(projectId, record.data()));
      const isOpen = new Set(open.map(({ id }) => id));
      const closed = docs.map(eventFrom).filter(({ id }) => !isOpen.has(id));
      return {
        items: after === undefined ? [...open, ...closed] : closed,
        next: nextOf(docs, after, positionOf),
      };
    },
  };
}

function positionOf(snapshot: DocumentSnapshot) {
  const at: unknown = snapshot.get('receivedAt');
  return { at: at instanceof Timestamp ? at.toMillis() : null, id: textFromDocumentId(snapshot.id) };
}

function eventFrom(snapshot: DocumentSnapshot): EventView {
  try {
    return eventViewOf(snapshot.ref.path, snapshot.data());
  } catch (error) {
    if (!(error instanceof HistoryEntryError)) throw error;
    // Its neighbours are shown all the same (I11).
    return {
      id: textFromDocumentId(snapshot.id),
      projectId: String(snapshot.get('projectId')),
      type: error.message,
      version: '',
      origin: 'unknown',
      actor: null,
      receivedAt: 0,
      outcome: 'dead-lettered',
      jobId: null,
      lagMs: null,
    };
  }
}
