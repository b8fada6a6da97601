import type { Firestore } from 'firebase-admin/firestore';
import type { ReportView } from '../api/views/integrity.ts';
import { recordCollections } from '../config/defineConfig.ts';
import { parseJob } from '../reconcile/jobRecord.ts';
import { reportViewOf } from './reportView.ts';

/** The report of a reconciliation or of a verification, finished or not; undefined when there is no such job. One read.
 *  @throws ReconcileRecordError when its record cannot be read; what Firestore answered. */
export async function readReport(firestore: Firestore, jobId: string): Promise<ReportView | undefined> {
  const stored = await firestore.collection(recordCollections.jobs).doc(jobId).get();
  const type: unknown = stored.get('type');
  if (type !== 'reconciliation' && type !== 'verification') return undefined;
  return reportViewOf(parseJob(jobId, stored.data()));
}
