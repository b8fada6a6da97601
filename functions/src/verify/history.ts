import { Timestamp } from 'firebase-admin/firestore';
import { recordCollections } from '../config/defineConfig.ts';
import { addExample, type Run } from '../reconcile/runRecord.ts';
import { HistoryEntryError, parseHistoryEntry } from '../records/historyEntry.ts';
import { ProjectRecordError, parseProjectRecord, projectRecordRef } from '../records/projectRecord.ts';
import { differencesFromHistory } from '../sync/foldHistory.ts';
import { verificationOf } from './verification.ts';

/** Events of one project that are folded; a project with more is not compared. */
const maxEntries = 1_000;

/** From when on all events are kept, in ms since 1970: the retention, or the first event that was kept at all. Null
 *  when no history is kept. One read. */
export async function historyBegins(run: Run): Promise<number | null> {
  const { firestore, gate, clock, limits } = run;
  if (limits.historyMs === 0) return null;
  const kept = firestore
    .collection(recordCollections.events)
    .where('receivedAt', '>', Timestamp.fromMillis(0))
    .orderBy('receivedAt')
    .select('receivedAt')
    .limit(1);
  const { docs } = await gate.pass(1, () => kept.get());
  verificationOf(run).reads += 1;
  const first: unknown = docs[0]?.get('receivedAt');
  if (!(first instanceof Timestamp)) return null;
  return Math.max(first.toMillis(), clock.now() - limits.historyMs);
}

/** Compares the record of a project with the fold of its events, and counts it when they differ. Both are read at one
 *  time. One read per event, and one for the record. */
export async function compareWithHistory(run: Run, projectId: string, since: number): Promise<void> {
  const { firestore, gate, job } = run;
  const verification = verificationOf(run);
  const entries = firestore.collection(recordCollections.events).where('projectId', '==', projectId);
  const [record, history] = await gate.pass(maxEntries, () =>
    firestore.runTransaction(
      (transaction) =>
        Promise.all([
          transaction.get(projectRecordRef(firestore, projectId)),
          transaction.get(entries.limit(maxEntries + 1)),
        ]),
      { readOnly: true },
    ),
  );
  verification.reads += 1 + Math.max(1, history.size);
  if (!record.exists || history.size > maxEntries) return;
  const problem = problemOf(() =>
    differencesFromHistory(
      parseProjectRecord(projectId, record.data()),
      history.docs.map((entry) => parseHistoryEntry(entry.ref.path, entry.data())),
      since,
    ),
  );
  verification.histories += 1;
  if (problem === undefined) return;
  job.findings['history-differs'] += 1;
  const detail = `its record ${problem}`;
  addExample(run, { kind: 'history-differs', projectId, collections: [], path: record.ref.path, detail });
}

function problemOf(compare: () => readonly string[]): string | undefined {
  try {
    return compare()[0];
  } catch (error) {
    if (error instanceof HistoryEntryError || error instanceof ProjectRecordError) return `: ${error.message}`;
    throw error;
  }
}
