import { type DocumentSnapshot, FieldPath, Timestamp } from 'firebase-admin/firestore';
import { recordCollections } from '../../config/defineConfig.ts';
import { parseJob, ReconcileRecordError } from '../../reconcile/jobRecord.ts';
import { documentIdFrom, textFromDocumentId } from '../../records/documentIds.ts';
import { readReport } from '../../reports/readReport.ts';
import { reportViewOf } from '../../reports/reportView.ts';
import type { ReportView } from '../views/integrity.ts';
import { nextOf, pageSize } from './paging.ts';
import type { ReaderDependencies, Views } from './views.ts';

/** What reconciliations and verifications found, the newest first. */
export function createReportsReader({ firestore }: ReaderDependencies): Pick<Views, 'reports' | 'report'> {
  const jobs = firestore.collection(recordCollections.jobs);
  return {
    async reports(type, after) {
      let query = jobs
        .where('type', 'in', type === undefined ? ['reconciliation', 'verification'] : [type])
        .orderBy('startedAt', 'desc')
        .orderBy(FieldPath.documentId(), 'desc');
      if (after !== undefined) query = query.startAfter(Timestamp.fromMillis(after.at), documentIdFrom(after.id));
      const items = (await query.limit(pageSize(after)).get()).docs.map(reportFrom);
      return { items, next: nextOf(items, after, ({ id, startedAt }) => ({ id, at: startedAt })) };
    },
    async report(id) {
      const isDocumentId = documentIdFrom(id) === id;
      return isDocumentId ? readReport(firestore, id) : undefined;
    },
  };
}

function reportFrom(snapshot: DocumentSnapshot): ReportView {
  const id = textFromDocumentId(snapshot.id);
  try {
    return reportViewOf(parseJob(id, snapshot.data()));
  } catch (error) {
    if (!(error instanceof ReconcileRecordError)) throw error;
    const startedAt: unknown = snapshot.get('startedAt');
    return {
      id,
      type: snapshot.get('type') === 'verification' ? 'verification' : 'reconciliation',
      mode: 'unknown',
      status: 'unreadable',
      startedAt: startedAt instanceof Timestamp ? startedAt.toMillis() : 0,
      finishedAt: null,
      initiator: 'unknown',
      reason: null,
      projects: 0,
      collections: [],
      findings: {},
      examples: [],
      details: [{ name: 'problem', value: error.message }],
      brake: null,
    };
  }
}
