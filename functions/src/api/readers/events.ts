import { type DocumentSnapshot, FieldPath, Timestamp } from 'firebase-admin/firestore';
import { recordCollections } from '../../config/defineConfig.ts';
import { errorText } from '../../log.ts';
import { documentIdFrom, textFromDocumentId } from '../../records/documentIds.ts';
import { HistoryEntryError, parseHistoryEntry } from '../../records/historyEntry.ts';
import type { Origin } from '../../records/origin.ts';
import { parseProjectRecord, projectRecordRef } from '../../records/projectRecord.ts';
import { encodeCursor } from '../cursor.ts';
import type { EventView } from '../views/projects.ts';
import type { ReaderDependencies, Views } from './views.ts';

const perPage = 20;

/** The events of a project, the newest first. Those whose work is not over stand in the project's record only. */
export function createEventsReader({ firestore }: ReaderDependencies): Pick<Views, 'events'> {
  const history = firestore.collection(recordCollections.events);
  return {
    async events(projectId, after) {
      const query = history
        .where('projectId', '==', projectId)
        .orderBy('receivedAt', 'desc')
        .orderBy(FieldPath.documentId(), 'desc')
        .limit(perPage);
      const page =
        after === undefined
          ? query
          : query.startAfter(after.at === null ? null : Timestamp.fromMillis(after.at), documentIdFrom(after.id));
      const [{ docs }, open] = await Promise.all([page.get(), after === undefined ? openEvents(projectId) : []]);
      const stored = docs.map(eventFrom);
      const known = new Set(stored.map(({ id }) => id));
      const items = [...open.filter(({ id }) => !known.has(id)), ...stored];
      const last = docs.at(-1);
      return { items, next: docs.length < perPage || last === undefined ? null : cursorBehind(last) };
    },
  };

  async function openEvents(projectId: string): Promise<EventView[]> {
    const snapshot = await projectRecordRef(firestore, projectId).get();
    const { open } = parseProjectRecord(projectId, snapshot.data());
    return open
      .map(({ id, type, version, origin, receivedAt, outcome }) => ({
        ...{ id, projectId, type, version, receivedAt, outcome },
        ...originOf(origin),
        jobId: null,
        lagMs: null,
      }))
      .sort((a, b) => b.receivedAt - a.receivedAt);
  }
}

function cursorBehind(snapshot: DocumentSnapshot): string {
  const at: unknown = snapshot.get('receivedAt');
  return encodeCursor({ at: at instanceof Timestamp ? at.toMillis() : null, id: textFromDocumentId(snapshot.id) });
}

function originOf(origin: Origin | null): Pick<EventView, 'origin' | 'actor'> {
  return { origin: origin?.service ?? 'unknown', actor: origin?.actor ?? null };
}

function eventFrom(snapshot: DocumentSnapshot): EventView {
  try {
    const { origin, type, receivedAt, settledAt, ...entry } = parseHistoryEntry(snapshot.ref.path, snapshot.data());
    const { id, projectId, version, outcome, jobId, lagMs } = entry;
    return {
      ...{ id, projectId, version, outcome, jobId, lagMs },
      type: type ?? 'correction',
      ...originOf(origin),
      receivedAt: receivedAt ?? settledAt ?? 0,
    };
  } catch (error) {
    if (!(error instanceof HistoryEntryError)) throw error;
    // Its neighbours are shown all the same (I11).
    return {
      id: textFromDocumentId(snapshot.id),
      projectId: String(snapshot.get('projectId')),
      type: errorText(error),
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
