import { type DocumentSnapshot, FieldPath, type Firestore, Timestamp } from 'firebase-admin/firestore';
import { recordCollections } from '../config/defineConfig.ts';
import { encodeEvent } from '../events/codec.ts';
import type { ProjectEvent } from '../events/contract.ts';
import type { Publisher } from '../publisher.ts';
import { type HistoryEntry, HistoryEntryError, parseHistoryEntry } from '../records/historyEntry.ts';
import { ProjectRecordError, parseProjectRecord, projectRecordRef } from '../records/projectRecord.ts';
import { type ReplayableHistory, replayableHistory } from './projectHistory.ts';

/** Attribute (`'true'`) of a message that is published again. */
export const replayAttribute = 'replay';

/** Whose history is published: all of it that is kept, so that its fold is the newest state. */
export type Selection =
  | { readonly kind: 'projects'; readonly projectIds: readonly string[] }
  /** Projects that something became known of since then, in ms since 1970, whenever it happened. */
  | { readonly kind: 'since'; readonly since: number };

export interface ReplayDependencies {
  readonly firestore: Firestore;
  readonly to: Pick<Publisher, 'publish'>;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Replayed) => void;
}

/** What was published so far. */
export interface Replayed extends Omit<ReplayableHistory, 'events'> {
  readonly projects: number;
  readonly events: number;
  /** Projects whose record or history cannot be read, each with why; nothing of them is published. */
  readonly unreadable: readonly string[];
}

/** Entries that are read, and events that are published, at once. */
const pageSize = 500;

/** Publishes the history of projects again, of each in the order of versions. Costs one read for the record of each
 *  project and for each of its events, and with `since` one more for each event since then. The history of one
 *  project is in memory at a time: it has to be sorted, and what MongoDB has refuted may stand anywhere in it.
 *  @throws the signal's reason; what Firestore or Pub/Sub answered. What is published already may be published
 *  twice. */
export async function replayHistory(
  { firestore, to, signal, onProgress }: ReplayDependencies,
  selection: Selection,
): Promise<Replayed> {
  let sum: Replayed = { projects: 0, events: 0, omitted: 0, fromRecord: 0, unreadable: [] };
  const projectIds = selection.kind === 'projects' ? selection.projectIds : projectsSince(firestore, selection.since);
  for await (const projectId of projectIds) {
    signal.throwIfAborted();
    const history = await read(firestore, projectId);
    if (typeof history === 'string') {
      sum = { ...sum, unreadable: [...sum.unreadable, history] };
      continue;
    }
    // Handed over in this order; Pub/Sub promises none.
    for (let from = 0; from < history.events.length; from += pageSize) {
      signal.throwIfAborted();
      await Promise.all(history.events.slice(from, from + pageSize).map((event) => to.publish(replayOf(event))));
    }
    sum = {
      projects: sum.projects + 1,
      events: sum.events + history.events.length,
      omitted: sum.omitted + history.omitted,
      fromRecord: sum.fromRecord + history.fromRecord,
      unreadable: sum.unreadable,
    };
    onProgress(sum);
  }
  return sum;
}

function replayOf(event: ProjectEvent) {
  const message = encodeEvent(event);
  return { ...message, attributes: { ...message.attributes, [replayAttribute]: 'true' } };
}

/** When the oldest event became known that is kept, in ms since 1970; null where none is. One read. */
export async function oldestKept(firestore: Firestore): Promise<number | null> {
  const { docs } = await events(firestore)
    .where('receivedAt', '>', Timestamp.fromMillis(0))
    .orderBy('receivedAt')
    .select('receivedAt')
    .limit(1)
    .get();
  const at: unknown = docs[0]?.get('receivedAt');
  return at instanceof Timestamp ? at.toMillis() : null;
}

const events = (firestore: Firestore) => firestore.collection(recordCollections.events);

async function* projectsSince(firestore: Firestore, since: number): AsyncGenerator<string> {
  const known = new Set<string>();
  let last: DocumentSnapshot | undefined;
  do {
    const query = events(firestore)
      .where('receivedAt', '>=', Timestamp.fromMillis(since))
      .orderBy('receivedAt')
      .orderBy(FieldPath.documentId())
      .select('projectId')
      .limit(pageSize);
    const page = await (last === undefined ? query : query.startAfter(last)).get();
    for (const document of page.docs) {
      const projectId: unknown = document.get('projectId');
      if (typeof projectId !== 'string' || known.has(projectId)) continue;
      known.add(projectId);
      yield projectId;
    }
    last = page.size === pageSize ? page.docs.at(-1) : undefined;
  } while (last !== undefined);
}

/** The history of a project as of one time, or why it cannot be read. */
async function read(firestore: Firestore, projectId: string): Promise<ReplayableHistory | string> {
  try {
    const { record, entries } = await firestore.runTransaction(
      async (transaction) => {
        const snapshot = await transaction.get(projectRecordRef(firestore, projectId));
        const entries: HistoryEntry[] = [];
        let last: DocumentSnapshot | undefined;
        do {
          const query = events(firestore)
            .where('projectId', '==', projectId)
            .orderBy(FieldPath.documentId())
            .limit(pageSize);
          const page = await transaction.get(last === undefined ? query : query.startAfter(last));
          for (const entry of page.docs) entries.push(parseHistoryEntry(entry.ref.path, entry.data()));
          last = page.size === pageSize ? page.docs.at(-1) : undefined;
        } while (last !== undefined);
        return { record: parseProjectRecord(projectId, snapshot.data()), entries };
      },
      { readOnly: true },
    );
    return replayableHistory(record, entries);
  } catch (error) {
    if (error instanceof HistoryEntryError || error instanceof ProjectRecordError) return error.message;
    throw error;
  }
}
