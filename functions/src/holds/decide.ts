import type { DocumentSnapshot, Firestore, Transaction } from 'firebase-admin/firestore';
import type { Committed, Trace, Transact } from '../audit/trace.ts';
import type { Clock } from '../clock.ts';
import { encodeEvent } from '../events/codec.ts';
import {
  type Hold,
  type ProjectRecord,
  parseProjectRecord,
  projectRecordData,
  projectRecordRef,
} from '../records/projectRecord.ts';
import { syncJobRef } from '../records/syncJob.ts';
import {
  endWaiting,
  type HeldDeletion,
  HeldDeletionError,
  type HeldStatus,
  heldJobs,
  openStatuses,
  parseHeldDeletion,
  setHeldStatus,
} from './job.ts';

/** Names a held deletion: the project, and the event that met the hold. */
export interface HeldName {
  readonly projectId: string;
  readonly eventId: string;
}

export type Release =
  /** The deletion may be carried out, and its event is published again. */
  | { readonly kind: 'released'; readonly assets: number | null; readonly sequence: number | null }
  /** It was released earlier, and its work has begun since. */
  | { readonly kind: 'under-way' }
  /** Nothing is held: the project was created again, or the work is done. */
  | { readonly kind: 'nothing-held' };

export type Discard =
  /** The assets stay, until an event reports a newer deletion. */
  | { readonly kind: 'discarded'; readonly assets: number | null; readonly sequence: number | null }
  /** It was released before. */
  | { readonly kind: 'too-late' }
  | { readonly kind: 'nothing-held' };

/** The deletions that wait for a person, and what that person decides. */
export interface Holds {
  /** Held deletions in the order of their event ids, page by page, so that memory does not grow with their number. An
   *  error stands for a job that cannot be read; the others come all the same. */
  list(among?: readonly HeldStatus[]): AsyncGenerator<readonly (HeldDeletion | HeldDeletionError)[]>;
  /** The held deletion of a project, whatever was decided about it; undefined when there is none. */
  find(projectId: string): Promise<HeldName | undefined>;
  /** Lets a deletion be carried out, also one that was discarded. Doing it again, also after a crash in the middle,
   *  does no harm.
   *  @throws HeldDeletionError, ProjectRecordError, and what Firestore or Pub/Sub answered: doing it again finishes it.
   *  The event of a decision that stands is also published by the relay's next run. */
  release(name: HeldName): Promise<Release>;
  /** Keeps the assets of a deleted project.
   *  @throws HeldDeletionError, ProjectRecordError, and what Firestore answered. */
  discard(name: HeldName): Promise<Discard>;
}

export interface HoldsDependencies {
  readonly firestore: Firestore;
  /** Leaves the trace of each decision, and publishes its event. */
  readonly transact: Transact;
  readonly clock: Clock;
  /** How long the job of a hold that is over is kept, in ms. */
  readonly retentionMs: number;
  /** Held deletions in one page. */
  readonly pageSize?: number;
}

const defaultPageSize = 200;

export function createHolds(dependencies: HoldsDependencies): Holds {
  return {
    list: (among) => listHeld(dependencies, among),
    find: (projectId) => find(dependencies, projectId),
    release: (name) => release(dependencies, name),
    discard: (name) => discard(dependencies, name),
  };
}

/** As `Holds.list`, for whoever decides nothing. */
export async function* listHeld(
  { firestore, pageSize = defaultPageSize }: Pick<HoldsDependencies, 'firestore' | 'pageSize'>,
  among: readonly HeldStatus[] = openStatuses,
): AsyncGenerator<readonly (HeldDeletion | HeldDeletionError)[]> {
  const query = heldJobs(firestore, among).limit(pageSize);
  let last: DocumentSnapshot | undefined;
  do {
    const page = await (last === undefined ? query : query.startAfter(last)).get();
    if (page.size > 0) yield page.docs.map(readable);
    last = page.size === pageSize ? page.docs.at(-1) : undefined;
  } while (last !== undefined);
}

function readable(job: DocumentSnapshot): HeldDeletion | HeldDeletionError {
  try {
    return parseHeldDeletion(job);
  } catch (error) {
    if (error instanceof HeldDeletionError) return error;
    throw error;
  }
}

async function find({ firestore }: HoldsDependencies, projectId: string): Promise<HeldName | undefined> {
  const { hold } = parseProjectRecord(projectId, (await projectRecordRef(firestore, projectId).get()).data());
  return hold === null ? undefined : { projectId, eventId: hold.eventId };
}

/** First the decision, with its event in the outbox; then the event is published; then the job says so. A crash
 *  leaves a job that is `releasing`, which the next release finds: the event is then published a second time at
 *  worst, and a duplicate does nothing. */
async function release(dependencies: HoldsDependencies, name: HeldName): Promise<Release> {
  const { firestore, clock } = dependencies;
  const { value, sequence, unpublished } = await decide(
    dependencies,
    name,
    ({ record, hold, job }, transaction, trace) => {
      if (hold.state === 'released' && !isWaiting(job)) return 'under-way' as const;
      const held = parseHeldDeletion(job);
      if (hold.state !== 'released') {
        store(firestore, transaction, released(record, hold));
        trace.record(decisionOn(name, hold, held.assets, 'released'));
      }
      setHeldStatus(firestore, transaction, name.eventId, 'releasing', clock.now());
      trace.publish('events', `release-${name.eventId}`, encodeEvent(held.event));
      return held;
    },
  );
  if (value === undefined) return { kind: 'nothing-held' };
  if (value === 'under-way') return { kind: 'under-way' };
  if (unpublished !== undefined) throw unpublished;
  await firestore.runTransaction(async (transaction) => {
    const job = await transaction.get(syncJobRef(firestore, name.eventId));
    // The worker may have been faster, and written how its work went.
    if (job.get('status') === 'releasing') {
      setHeldStatus(firestore, transaction, name.eventId, 'released', clock.now());
    }
  });
  return { kind: 'released', assets: value.assets, sequence };
}

async function discard(dependencies: HoldsDependencies, name: HeldName): Promise<Discard> {
  const { firestore, clock } = dependencies;
  const { value, sequence } = await decide(dependencies, name, ({ record, hold, job }, transaction, trace) => {
    if (hold.state === 'released') return 'too-late' as const;
    const { assets } = parseHeldDeletion(job);
    if (hold.state === 'held') {
      store(firestore, transaction, discarded(record, hold));
      setHeldStatus(firestore, transaction, name.eventId, 'discarded', clock.now());
      trace.record(decisionOn(name, hold, assets, 'discarded'));
    }
    return { assets };
  });
  if (value === undefined) return { kind: 'nothing-held' };
  return value === 'too-late' ? { kind: 'too-late' } : { kind: 'discarded', assets: value.assets, sequence };
}

function decisionOn({ projectId, eventId }: HeldName, hold: Hold, assets: number | null, result: Hold['state']) {
  return {
    target: `project ${projectId}`,
    before: { hold: hold.state, eventId, assets },
    after: { hold: result },
    result,
  };
}

interface Held {
  readonly record: ProjectRecord;
  readonly hold: Hold;
  readonly job: DocumentSnapshot;
}

/** Runs a decision in one transaction over the record and the job of a held deletion; undefined when nothing is held
 *  any more. */
function decide<T>(
  { firestore, clock, transact, retentionMs }: HoldsDependencies,
  { projectId, eventId }: HeldName,
  act: (held: Held, transaction: Transaction, trace: Trace) => T,
): Promise<Committed<T | undefined>> {
  return transact(async (transaction, trace) => {
    const job = await transaction.get(syncJobRef(firestore, eventId));
    const snapshot = await transaction.get(projectRecordRef(firestore, projectId));
    const record = parseProjectRecord(projectId, snapshot.data());
    const { hold } = record;
    if (hold !== null && hold.eventId === eventId && record.desired.kind === 'deleted') {
      return act({ record, hold, job }, transaction, trace);
    }
    // Its record was removed, or written by earlier code, and the job does not say so.
    const status = { held: 'superseded', releasing: 'released' } as const;
    const known: unknown = job.get('status');
    if (known === 'held' || known === 'releasing') {
      const at = clock.now();
      endWaiting(firestore, transaction, { eventId, status: status[known], at, expireAt: at + retentionMs });
    }
    return undefined;
  });
}

/** Whether the event of a released deletion may still have to be published. */
function isWaiting(job: DocumentSnapshot): boolean {
  const status: unknown = job.get('status');
  return status === 'releasing' || status === 'released';
}

/** The record of a deletion that may be carried out. One that was discarded counted as done: it gets work again. */
function released(record: ProjectRecord, hold: Hold): ProjectRecord {
  return {
    ...record,
    revision: record.revision + (hold.state === 'discarded' ? 1 : 0),
    hold: { ...hold, state: 'released', version: record.desired.version ?? hold.version },
  };
}

/** The record of a deleted project whose assets stay: no work is left, and the record does not expire, for it is what
 *  keeps them. */
function discarded(record: ProjectRecord, hold: Hold): ProjectRecord {
  return {
    ...record,
    appliedRevision: record.revision,
    progress: null,
    open: [],
    expireAt: null,
    hold: { ...hold, state: 'discarded', version: record.desired.version ?? hold.version },
  };
}

function store(firestore: Firestore, transaction: Transaction, record: ProjectRecord): void {
  transaction.set(projectRecordRef(firestore, record.projectId), projectRecordData(record));
}
