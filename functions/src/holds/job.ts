import {
  type DocumentSnapshot,
  FieldPath,
  FieldValue,
  type Firestore,
  type Query,
  Timestamp,
  type Transaction,
} from 'firebase-admin/firestore';
import { z } from 'zod';
import { recordCollections } from '../config/defineConfig.ts';
import { decodeEvent } from '../events/codec.ts';
import type { ProjectEvent } from '../events/contract.ts';
import { syncJobRef } from '../records/syncJob.ts';

/** What became of a deletion that was held. Each but the first two is the end of it. `releasing`: a person has released
 *  it, and its event is about to be published again. `superseded`: the project was created again. */
export type HeldStatus = 'held' | 'releasing' | 'released' | 'discarded' | 'superseded';

/** A held deletion as its job keeps it: `syncJobs/{event id}`. */
export interface HeldDeletion {
  readonly projectId: string;
  readonly event: ProjectEvent;
  readonly status: HeldStatus;
  /** Since when it is held, in ms since 1970. */
  readonly since: number;
  /** The project's assets, as counted then. */
  readonly assets: number | null;
}

/** A job that should keep a held deletion and does not: written by hand, damaged, or of another version of Lockstep. */
export class HeldDeletionError extends Error {
  constructor(path: string, problem: string) {
    super(
      `${path} does not keep a held deletion (${problem}). Repair it, or reconcile the project: ` +
        'npm --prefix functions run reconcile -- --report --project ID',
    );
    this.name = 'HeldDeletionError';
  }
}

const heldSchema = z.looseObject({
  projectId: z.string(),
  status: z.string(),
  heldAt: z.instanceof(Timestamp),
  total: z.number().nullable(),
  event: z.string(),
});

/** Statuses in which something is left to be done. */
export const openStatuses = ['held', 'releasing'] as const satisfies readonly HeldStatus[];

const statuses: readonly string[] = [
  ...openStatuses,
  'released',
  'discarded',
  'superseded',
] satisfies readonly HeldStatus[];

/** The jobs of held deletions with one of some statuses, by event id. */
export function heldJobs(firestore: Firestore, among: readonly HeldStatus[]): Query {
  return firestore
    .collection(recordCollections.jobs)
    .where('status', 'in', [...among])
    .orderBy(FieldPath.documentId());
}

/** Reads a held deletion from its job.
 *  @throws HeldDeletionError */
export function parseHeldDeletion(snapshot: DocumentSnapshot): HeldDeletion {
  const { path } = snapshot.ref;
  const result = heldSchema.safeParse(snapshot.data());
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new HeldDeletionError(path, issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'no job');
  }
  const { projectId, status, heldAt, total, event } = result.data;
  const decoded = decodeEvent(Buffer.from(event));
  if (!decoded.ok) throw new HeldDeletionError(path, `event: ${decoded.reason}`);
  if (!isHeldStatus(status)) throw new HeldDeletionError(path, `status: "${status}"`);
  return { projectId, event: decoded.event, status, since: heldAt.toMillis(), assets: total };
}

/** Writes what a person has decided about a held deletion into its job, which keeps the event as long as the hold
 *  lasts: a release publishes it, also after a discard. */
export function setHeldStatus(
  firestore: Firestore,
  transaction: Transaction,
  eventId: string,
  status: Exclude<HeldStatus, 'held' | 'superseded'>,
  nowMs: number,
): void {
  const finishedAt = status === 'releasing' ? null : Timestamp.fromMillis(nowMs);
  transaction.set(syncJobRef(firestore, eventId), { status, finishedAt }, { merge: true });
}

/** The end of what kept a job waiting, held or parked: nothing needs its event any more. */
export interface EndOfWaiting {
  readonly eventId: string;
  /** Null: what a person has decided stays to be read. */
  readonly status: 'superseded' | 'released' | null;
  /** In ms since 1970. */
  readonly at: number;
  /** When a TTL policy may remove the job, in ms since 1970. */
  readonly expireAt: number;
}

/** Writes that end into the job. */
export function endWaiting(
  firestore: Firestore,
  transaction: Transaction,
  { eventId, status, at, expireAt }: EndOfWaiting,
): void {
  const end = {
    expireAt: Timestamp.fromMillis(expireAt),
    ...(status !== null && { status, finishedAt: Timestamp.fromMillis(at), parkedFor: FieldValue.delete() }),
  };
  transaction.set(syncJobRef(firestore, eventId), end, { merge: true });
}

function isHeldStatus(text: string): text is HeldStatus {
  return statuses.includes(text);
}
