import { type DocumentReference, type Firestore, Timestamp } from 'firebase-admin/firestore';
import { recordCollections } from '../config/defineConfig.ts';
import { encodeEvent } from '../events/codec.ts';
import type { ProjectEvent } from '../events/contract.ts';
import { documentIdFrom } from './documentIds.ts';
import type { Origin } from './origin.ts';
import { schemaVersion } from './projectRecord.ts';

/** One run of work on the assets of one project, for operators: `syncJobs/{event id}`. A redelivery goes on in the same
 *  document. */
export interface SyncJob {
  readonly event: ProjectEvent;
  /** Who made the change that the assets are brought to: not always the one whose event took the work up. */
  readonly initiator: Origin;
  readonly type: 'delete' | 'update';
  readonly status: 'pending' | 'running' | 'continued' | 'done' | 'failed' | 'held';
  /** Times in ms since 1970. */
  readonly startedAt: number;
  readonly finishedAt: number | null;
  /** Assets to scan in all; known only for work that took more than one invocation. */
  readonly total: number | null;
  /** Assets deleted or updated. */
  readonly processed: number;
  /** Assets looked at. */
  readonly scanned: number;
  /** Ranges of keys that are left. */
  readonly rangesLeft: number;
  readonly errors: readonly string[];
  /** Since when its deletion is held; null when it is not. */
  readonly heldAt: number | null;
  /** What keeps its work from being carried out; null when nothing does. It keeps its event then. */
  readonly parkedFor: string | null;
  /** What an earlier delivery has left to keep its event stays in the document. */
  readonly staysParked: boolean;
  /** Why it is done, or is not; null where its event says all. */
  readonly reason: string | null;
  /** When a TTL policy may remove it; null for one that keeps an event. */
  readonly expireAt: number | null;
}

/** Where the job of an event is kept. */
export function syncJobRef(firestore: Firestore, eventId: string): DocumentReference {
  return firestore.collection(recordCollections.jobs).doc(documentIdFrom(eventId));
}

/** The document that holds a job. */
export function syncJobData(job: SyncJob): Record<string, unknown> {
  return {
    schemaVersion,
    type: job.type,
    projectId: job.event.projectId,
    eventId: job.event.id,
    status: job.status,
    startedAt: Timestamp.fromMillis(job.startedAt),
    finishedAt: job.finishedAt === null ? null : Timestamp.fromMillis(job.finishedAt),
    total: job.total,
    processed: job.processed,
    percent: percentOf(job),
    cursor: { rangesLeft: job.rangesLeft },
    errors: job.errors,
    reason: job.reason,
    initiator: job.initiator.actor ?? job.initiator.service,
    origin: job.initiator,
    expireAt: job.expireAt === null ? null : Timestamp.fromMillis(job.expireAt),
    // The message is acknowledged when its work is held or parked: from then on the event is kept here alone.
    ...((job.heldAt !== null || job.parkedFor !== null) && {
      event: encodeEvent(job.event).data.toString('utf8'),
    }),
    ...(job.heldAt !== null && { heldAt: Timestamp.fromMillis(job.heldAt) }),
    // Only where it is: whoever looks for parked work asks for this field.
    ...(job.parkedFor !== null && { parkedFor: job.parkedFor }),
  };
}

/** 0 to 100; null where the total is not known. Work that is not done is never at 100. */
function percentOf({ status, scanned, total }: SyncJob): number | null {
  if (status === 'done') return 100;
  if (total === null) return null;
  return total === 0 ? 0 : Math.min(99, Math.floor((scanned / total) * 100));
}
