import type { Firestore, Transaction } from 'firebase-admin/firestore';
import type { Clock } from '../clock.ts';
import { type Config, recordCollections } from '../config/defineConfig.ts';
import type { EncodedMessage } from '../events/codec.ts';
import {
  collectionsOf,
  encodeReconciliationRequest,
  type ReconcileRequest,
  requestKeyOf,
} from '../events/reconciliationRequest.ts';
import { jobData } from './jobData.ts';
import { isFinished, parseJob, parseState, stateDocument } from './jobRecord.ts';
import type { ReconcileLimits } from './limits.ts';
import { newJob, newJobId } from './newJob.ts';

/** A run that somebody has asked for: its job, to be created in the transaction of the request, and the message that
 *  has it done. The message says only which job it is: what is allowed stands in the job, which clients never reach. */
export interface RequestedJob {
  readonly jobId: string;
  /** Creates the job, `pending`. */
  create(transaction: Transaction): void;
  readonly message: EncodedMessage;
}

export interface RequestedJobOptions {
  readonly firestore: Firestore;
  readonly config: Config;
  readonly clock: Clock;
  readonly uniqueId: () => string;
  readonly limits: ReconcileLimits;
}

/** @throws ReconcileRequestError when the request names something unknown. */
export function requestedJob(options: RequestedJobOptions, asked: Omit<ReconcileRequest, 'jobId'>): RequestedJob {
  const { firestore, config, clock, uniqueId } = options;
  const { database, collection } = config.source;
  const jobId = newJobId(asked.mode, clock.now(), uniqueId());
  const request = { ...asked, jobId };
  const names = collectionsOf(request, config).map(({ name }) => name);
  const sight = { database, collection, uuid: null, projects: 0 };
  const job = newJob(options, request, requestKeyOf(request, config), sight, names);
  return {
    jobId,
    create(transaction) {
      const ref = firestore.collection(recordCollections.jobs).doc(jobId);
      transaction.create(ref, jobData({ ...job, status: 'pending' }));
    },
    message: encodeReconciliationRequest(
      { jobId, mode: asked.mode, reason: asked.reason },
      { reason: 'operator', mode: asked.mode },
    ),
  };
}

/** What came of cancelling a run. */
export type Cancellation =
  | { readonly kind: 'cancelled'; readonly was: 'pending' | 'running' }
  | { readonly kind: 'already-finished'; readonly status: string }
  | { readonly kind: 'missing' };

/** Reads what cancelling needs, and returns the write: Firestore wants all reads of a transaction before its writes. A
 *  run at work notices when it next keeps its progress, within a second or two, and repairs nothing after that but
 *  the projects it is at.
 *  @throws ReconcileRecordError */
export async function openCancellation(
  { firestore, clock }: Pick<RequestedJobOptions, 'firestore' | 'clock'>,
  transaction: Transaction,
  jobId: string,
): Promise<{ readonly cancellation: Cancellation; write(): void }> {
  const jobs = firestore.collection(recordCollections.jobs);
  const [stored, stateData] = await transaction.getAll(jobs.doc(jobId), jobs.doc(stateDocument));
  const nothing = () => undefined;
  if (stored === undefined || !stored.exists) return { cancellation: { kind: 'missing' }, write: nothing };
  const type: unknown = stored.get('type');
  if (type !== 'reconciliation' && type !== 'verification')
    return { cancellation: { kind: 'missing' }, write: nothing };
  const job = parseJob(jobId, stored.data());
  const state = parseState(stateData?.data());
  if (isFinished(job)) return { cancellation: { kind: 'already-finished', status: job.status }, write: nothing };
  const { [job.requestKey]: _open, ...others } = state.open;
  return {
    cancellation: { kind: 'cancelled', was: job.status === 'pending' ? 'pending' : 'running' },
    write() {
      transaction.set(stored.ref, jobData({ ...job, status: 'cancelled', finishedAt: clock.now() }));
      if (stateData?.exists) transaction.set(stateData.ref, { ...state, open: others });
    },
  };
}
