import type { Firestore, Transaction } from 'firebase-admin/firestore';
import type { Clock } from '../clock.ts';
import { recordCollections } from '../config/defineConfig.ts';
import { ReconcileRequestError } from '../events/reconciliationRequest.ts';
import { documentIdFrom, hasDocumentId } from '../records/documentIds.ts';
import { schemaVersion } from '../records/projectRecord.ts';
import type { ToRepair } from './findings.ts';
import { jobData } from './jobData.ts';
import {
  type FindingsChunk,
  findingsCollection,
  isFinished,
  parseChunk,
  parseJob,
  parseState,
  type ReconcileJob,
  ReconcileRecordError,
  type ReconcileState,
  stateDocument,
} from './jobRecord.ts';

/** Another run holds the lease now; this one stops and writes nothing more. */
export class ReconcileLeaseLostError extends Error {
  constructor() {
    super('the lease of reconciliation was taken over by another run, because this one did not renew it in time');
    this.name = 'ReconcileLeaseLostError';
  }
}

/** The run was cancelled; it stops and keeps nothing more. */
export class ReconcileCancelledError extends Error {
  constructor(jobId: string) {
    super(`the run ${jobId} was cancelled`);
    this.name = 'ReconcileCancelledError';
  }
}

export type Taken =
  | { readonly kind: 'taken'; readonly state: ReconcileState; readonly unfinished: ReconcileJob | null }
  /** Another run holds the lease until then, ms since 1970. */
  | { readonly kind: 'busy'; readonly until: number };

/** The records of reconciliation. Every write checks in its own transaction that the lease is still held, and renews
 *  it. */
export interface JobStore {
  /** The job that was written with a request; null when there is none.
   *  @throws ReconcileRequestError for an id that no run can have, ReconcileRecordError */
  requested(jobId: string): Promise<ReconcileJob | null>;
  /** Ends a run that nobody can do, unless it has ended meanwhile: without the lease, for nothing was done of it here.
   */
  giveUp(jobId: string, why: string): Promise<void>;
  /** Takes the lease, and finds the unfinished run for the same request. */
  take(requestKey: string, jobId?: string): Promise<Taken>;
  /** Keeps a run as the one that works on its request, before it begins.
   *  @throws ReconcileLeaseLostError, ReconcileCancelledError */
  start(job: ReconcileJob): Promise<void>;
  /** Keeps the progress of a run, and what it has found since the last time.
   *  @throws ReconcileLeaseLostError, ReconcileCancelledError */
  save(job: ReconcileJob, found: readonly ToRepair[]): Promise<void>;
  /** What is to be repaired, of one document. */
  chunk(job: ReconcileJob, number: number): Promise<FindingsChunk>;
  /** Keeps the progress and gives the lease back; the next run for the same request resumes it.
   *  @throws ReconcileLeaseLostError, ReconcileCancelledError */
  pause(job: ReconcileJob, found: readonly ToRepair[]): Promise<void>;
  /** Keeps the end of a run and gives the lease back. A run that is `done` is what the next one compares MongoDB with.
   *  @throws ReconcileLeaseLostError, ReconcileCancelledError */
  finish(job: ReconcileJob): Promise<void>;
  /** Gives the lease back after a run was cancelled, and removes what it has found.
   *  @throws ReconcileLeaseLostError */
  drop(job: ReconcileJob): Promise<void>;
  /** Removes what a run has found that was cancelled while nobody was at work on it: a TTL policy does not reach it. */
  forgetFindings(job: ReconcileJob): Promise<void>;
}

export interface JobStoreOptions {
  readonly firestore: Firestore;
  readonly clock: Clock;
  readonly holder: string;
  readonly leaseMs: number;
  /** An unfinished run on which nobody has worked for so long, in ms, is not resumed. */
  readonly resumeMs: number;
  /** How long a record is kept after its last change, in ms. */
  readonly retentionMs: number;
}

export function createJobStore(options: JobStoreOptions): JobStore {
  const { firestore, clock, holder, leaseMs, resumeMs, retentionMs } = options;
  const jobs = firestore.collection(recordCollections.jobs);
  const stateRef = jobs.doc(stateDocument);
  const chunkRef = (jobId: string, number: number) =>
    jobs.doc(jobId).collection(findingsCollection).doc(String(number).padStart(chunkDigits, '0'));

  /** The run that was started: from then on it may be cancelled, which takes it from the open ones. */
  let started: string | undefined;

  const readState = async (transaction: Transaction) => parseState((await transaction.get(stateRef)).data());
  const lease = () => ({ holder, expiresAt: clock.now() + leaseMs });

  /** Runs `write` in a transaction that has found the lease still held. */
  async function whileHeld(
    write: (transaction: Transaction, state: ReconcileState) => ReconcileState | Promise<ReconcileState>,
  ): Promise<void> {
    await firestore.runTransaction(async (transaction) => {
      const state = await readState(transaction);
      if (state.lease?.holder !== holder) throw new ReconcileLeaseLostError();
      transaction.set(stateRef, await write(transaction, state));
    });
  }

  function writeJob(transaction: Transaction, job: ReconcileJob, found: readonly ToRepair[]): void {
    for (let at = 0; at < found.length; at += entriesPerChunk) {
      const entries = found.slice(at, at + entriesPerChunk);
      transaction.set(chunkRef(job.id, job.chunks + at / entriesPerChunk), { schemaVersion, entries });
    }
    const chunks = job.chunks + Math.ceil(found.length / entriesPerChunk);
    transaction.set(
      jobs.doc(job.id),
      jobData({ ...job, chunks, updatedAt: clock.now(), expireAt: clock.now() + retentionMs }),
    );
  }

  const keep = async (job: ReconcileJob, found: readonly ToRepair[], isLast: boolean) => {
    // As it is now: the run goes on during the transaction, and what it finds then belongs to the next one.
    const snapshot = structuredClone(job);
    await whileHeld(async (transaction, state) => {
      await checkNotCancelled(transaction, state, job);
      writeJob(transaction, snapshot, found);
      return { ...state, lease: isLast ? null : lease(), open: { ...state.open, [job.requestKey]: job.id } };
    });
    job.chunks += Math.ceil(found.length / entriesPerChunk);
  };

  /** A run that has not started yet is not among the open ones: there, only its record tells. */
  async function checkNotCancelled(
    transaction: Transaction,
    { open }: ReconcileState,
    { id, requestKey }: ReconcileJob,
  ): Promise<void> {
    const isCancelled =
      started === id
        ? open[requestKey] !== id
        : (await transaction.get(jobs.doc(id))).get('status') === ('cancelled' satisfies ReconcileJob['status']);
    if (isCancelled) throw new ReconcileCancelledError(id);
  }

  /** What is left of them after a crash only takes room. */
  async function removeChunks(job: ReconcileJob): Promise<void> {
    for (let from = 0; from < job.chunks; from += chunksPerRemoval) {
      const batch = firestore.batch();
      for (let number = from; number < Math.min(from + chunksPerRemoval, job.chunks); number += 1) {
        batch.delete(chunkRef(job.id, number));
      }
      await batch.commit();
    }
  }

  type Found = { readonly taken: Taken; readonly abandoned: readonly ReconcileJob[] };

  async function takeLease(transaction: Transaction, requestKey: string, jobId: string | undefined): Promise<Found> {
    const state = await readState(transaction);
    const now = clock.now();
    if (state.lease !== null && state.lease.holder !== holder && state.lease.expiresAt > now) {
      return { taken: { kind: 'busy', until: state.lease.expiresAt }, abandoned: [] };
    }
    const isTooOld = ({ updatedAt }: ReconcileJob) => updatedAt < now - resumeMs;
    const id = state.open[requestKey] ?? jobId;
    const stored = id === undefined ? undefined : await transaction.get(jobs.doc(id));
    const job = id === undefined || stored?.exists !== true ? null : parseJob(id, stored.data());
    const own = job !== null && isTooOld(job) ? [job] : [];
    const { [requestKey]: _own, ...others } = state.open;
    const left = await othersLeft(transaction, others, isTooOld);
    const abandoned = [...own, ...left.abandoned];
    for (const one of abandoned) {
      transaction.set(jobs.doc(one.id), jobData({ ...one, status: 'abandoned', finishedAt: now }));
    }
    const unfinished = own.length > 0 ? null : job;
    const openId = unfinished === null ? undefined : state.open[requestKey];
    const open = { ...left.open, ...(openId !== undefined && { [requestKey]: openId }) };
    const next = { ...state, lease: lease(), open };
    transaction.set(stateRef, next);
    return { taken: { kind: 'taken', state: next, unfinished }, abandoned };
  }

  /** The open runs of other requests. Nobody asks for one again whose configuration is replaced: it would be shown as
   *  running for as long as its record is kept. */
  async function othersLeft(
    transaction: Transaction,
    open: ReconcileState['open'],
    isTooOld: (job: ReconcileJob) => boolean,
  ): Promise<{ readonly open: ReconcileState['open']; readonly abandoned: readonly ReconcileJob[] }> {
    const entries = Object.entries(open);
    if (entries.length === 0) return { open, abandoned: [] };
    const stored = await transaction.getAll(...entries.map(([, id]) => jobs.doc(id)));
    const abandoned: ReconcileJob[] = [];
    const kept = entries.filter(([key, id], index) => {
      const data = stored[index]?.data();
      const job = data === undefined ? null : readableJob(id, data);
      // One that cannot be read stops its own request only.
      if (job === undefined) return true;
      if (job === null || isFinished(job) || job.requestKey !== key) return false;
      if (isTooOld(job)) abandoned.push(job);
      return !isTooOld(job);
    });
    return { open: Object.fromEntries(kept), abandoned };
  }

  return {
    async requested(jobId) {
      if (!hasDocumentId(jobId) || documentIdFrom(jobId) !== jobId) throw noRun(jobId);
      const stored = await jobs.doc(jobId).get();
      const type: unknown = stored.get('type');
      if (typeof type === 'string' && type !== 'reconciliation' && type !== 'verification') throw noRun(jobId);
      return stored.exists ? parseJob(jobId, stored.data()) : null;
    },
    async giveUp(jobId, why) {
      const ended = await firestore.runTransaction(async (transaction) => {
        const state = await readState(transaction);
        const job = parseJob(jobId, (await transaction.get(jobs.doc(jobId))).data());
        if (isFinished(job)) return null;
        const open = Object.fromEntries(Object.entries(state.open).filter(([, id]) => id !== jobId));
        const end = { ...job, status: 'abandoned', finishedAt: clock.now(), lastError: why } as const;
        transaction.set(jobs.doc(jobId), jobData(end));
        transaction.set(stateRef, { ...state, open });
        return job;
      });
      if (ended !== null) await removeChunks(ended);
    },
    async take(requestKey, jobId) {
      const { taken, abandoned } = await firestore.runTransaction((transaction) =>
        takeLease(transaction, requestKey, jobId),
      );
      for (const job of abandoned) await removeChunks(job);
      return taken;
    },
    async start(job) {
      const snapshot = structuredClone(job);
      await whileHeld(async (transaction, state) => {
        await checkNotCancelled(transaction, state, job);
        writeJob(transaction, snapshot, []);
        return { ...state, lease: lease(), open: { ...state.open, [job.requestKey]: job.id } };
      });
      started = job.id;
    },
    save: (job, found) => keep(job, found, false),
    pause: (job, found) => keep(job, found, true),
    async chunk(job, number) {
      const ref = chunkRef(job.id, number);
      return parseChunk(ref.path, (await ref.get()).data());
    },
    async finish(job) {
      await whileHeld(async (transaction, state) => {
        await checkNotCancelled(transaction, state, job);
        writeJob(transaction, job, []);
        const { [job.requestKey]: finished, ...others } = state.open;
        const open = finished === undefined || finished === job.id ? others : state.open;
        const isDone = job.status === 'done';
        const { lastFinished, finishedBefore } = state;
        return {
          ...state,
          lease: null,
          open,
          lastSource: isDone ? job.source : state.lastSource,
          lastFinished: isDone ? job.id : lastFinished,
          finishedBefore:
            isDone && lastFinished !== null ? [lastFinished, ...finishedBefore].slice(0, mostFinished) : finishedBefore,
          lastTuples: isDone ? { ...state.lastTuples, ...tuplesOf(job) } : state.lastTuples,
        };
      });
      await removeChunks(job);
    },
    async drop(job) {
      await whileHeld((_transaction, state) => ({ ...state, lease: null }));
      await removeChunks(job);
    },
    forgetFindings: removeChunks,
  };
}

function noRun(jobId: string): ReconcileRequestError {
  return new ReconcileRequestError(`"${jobId}" is not the id of a reconciliation`);
}

function readableJob(id: string, data: unknown): ReconcileJob | undefined {
  try {
    return parseJob(id, data);
  } catch (error) {
    if (error instanceof ReconcileRecordError) return undefined;
    throw error;
  }
}

/** The tuples of each collection, if the run scanned all projects. */
function tuplesOf({ collections }: ReconcileJob): Record<string, number> {
  const whole = collections.filter(({ assets }) => assets !== null);
  return Object.fromEntries(whole.map(({ name, tuples }) => [name, tuples]));
}

/** Runs that finished before the last one, as many as may finish between two looks of who measures them. */
const mostFinished = 9;

/** Entries of one document: with ids of 256 bytes it stays far below Firestore's 1 MiB. */
const entriesPerChunk = 500;

/** Documents removed at once: far below what Firestore takes in one commit, and a large run is removed well within its
 *  lease. */
const chunksPerRemoval = 200;

/** So that an operator sees the documents in their order. */
const chunkDigits = 6;
