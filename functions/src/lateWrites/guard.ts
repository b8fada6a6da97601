import type { Firestore } from 'firebase-admin/firestore';
import type { Clock } from '../clock.ts';
import type { AssetCollection } from '../config/defineConfig.ts';
import { encodeEvent } from '../events/codec.ts';
import { isNewer, type Version } from '../events/version.ts';
import type { Log } from '../log.ts';
import type { Publisher } from '../publisher.ts';
import { fieldPathOf } from '../records/fieldPath.ts';
import { type ProjectRecord, parseProjectRecord, projectRecordRef } from '../records/projectRecord.ts';
import { statedEvent } from '../source/statedEvent.ts';
import type { ProjectTruth } from '../source/truth.ts';
import { claimsTheFuture } from '../sync/settle.ts';
import { judgeWrite, reaches, type WriteJudgement } from './judgeWrite.ts';
import type { LateWriteLimits } from './limits.ts';

/** An asset as a write left it. */
export interface WrittenAsset {
  readonly collection: AssetCollection;
  readonly path: string;
  /** A valid one. */
  readonly projectId: string;
  /** When Firestore committed the write, in ms since 1970. */
  readonly writtenAt: number;
}

/** What became of a write that was checked. */
export type GuardOutcome =
  | { readonly kind: Exclude<WriteJudgement, 'late'> }
  /** A deletion of the project was published a moment ago: the visit after it finds the asset. */
  | { readonly kind: 'folded' }
  /** The asset is gone, or has moved to another project. */
  | { readonly kind: 'moved-on' }
  /** MongoDB has the project: the news of its creation is on its way. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'published'; readonly eventId: string };

/** Finds assets that were written after the deletion of their project. */
export interface Guard {
  /** Checks one write, and publishes a deletion of its project if it came too late. It deletes nothing.
   *  @throws NotReachedError, ProjectRecordError, and what Firestore, MongoDB or Pub/Sub answered: the write has to be
   *  checked again. */
  check(asset: WrittenAsset): Promise<GuardOutcome>;
}

export interface GuardDependencies {
  readonly firestore: Firestore;
  readonly truth: ProjectTruth;
  /** Topic of events. */
  readonly events: Publisher;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: LateWriteLimits;
}

/** MongoDB says that a project is gone as of a time at which the asset did not exist yet. An idle replica set moves
 *  its time on every ten seconds
 *  (https://www.mongodb.com/docs/manual/reference/parameters/#mongodb-parameter-param.periodicNoopIntervalSecs). */
export class NotReachedError extends Error {
  constructor({ path }: Pick<WrittenAsset, 'path'>, version: Version) {
    super(`${path} was written after ${version}, the time that MongoDB has reached; the write is checked again`);
    this.name = 'NotReachedError';
  }
}

/** A deletion of a project that this process publishes, or has published. */
interface Attempt {
  /** When it began, before MongoDB was asked. */
  readonly since: number;
  readonly isPublished: Promise<boolean>;
}

/** The guard of one process. It costs one read of the project's record per write; a late one costs a read of the asset
 *  and a question to MongoDB besides. However many late writes a project gets, a process publishes one deletion a
 *  minute (`foldMs`) for it: the others are in time for the visit after that deletion. */
export function createGuard(dependencies: GuardDependencies): Guard {
  const { firestore, clock, limits } = dependencies;
  const attempts = new Map<string, Attempt>();

  /** A deletion that began a moment ago: who is left to it is in time for its visit. */
  function recent(projectId: string): Attempt | undefined {
    const attempt = attempts.get(projectId);
    return attempt !== undefined && clock.now() < attempt.since + limits.foldMs ? attempt : undefined;
  }

  function remember(projectId: string, attempt: Attempt): void {
    attempts.delete(projectId);
    attempts.set(projectId, attempt);
    const [oldest] = attempts.keys();
    if (attempts.size > limits.mostRemembered && oldest !== undefined) attempts.delete(oldest);
  }

  return {
    async check(asset) {
      const { projectId, writtenAt } = asset;
      const snapshot = await projectRecordRef(firestore, projectId).get();
      const record = parseProjectRecord(projectId, snapshot.data());
      const judgement = judgeWrite(record, writtenAt, clock.now() + limits.maxFutureMs);
      if (judgement !== 'late') return { kind: judgement };
      for (let attempt = recent(projectId); attempt !== undefined; attempt = recent(projectId)) {
        if (await attempt.isPublished) return { kind: 'folded' };
        if (attempts.get(projectId) === attempt) attempts.delete(projectId);
      }
      // Nothing is awaited before it is remembered: of those who waited for one that failed, one takes over.
      const outcome = publishDeletion(dependencies, asset, record);
      const isPublished = outcome.then(
        ({ kind }) => kind === 'published',
        () => false,
      );
      remember(projectId, { since: clock.now(), isPublished });
      return outcome;
    },
  };
}

async function publishDeletion(
  { firestore, truth, events, clock, log, limits }: GuardDependencies,
  asset: WrittenAsset,
  { desired }: ProjectRecord,
): Promise<GuardOutcome> {
  const { projectId, collection, path } = asset;
  // Events of documents come late and in any order: the deletion may have met the asset since.
  const current = await firestore.doc(path).get();
  const createdAt = current.createTime?.toMillis();
  if (createdAt === undefined || current.get(fieldPathOf(collection.projectId)) !== projectId) {
    return { kind: 'moved-on' };
  }
  const statement = await truth.ask([projectId]);
  if (statement.projects.has(projectId)) return { kind: 'alive' };
  // A record that claims the future is noticed by the work on an event, and only by that: it raises a dead letter.
  const isOdd = claimsTheFuture(desired, clock.now() + limits.maxFutureMs);
  if (!isOdd && !(isNewer(statement.version, desired.version) && reaches(statement.version, createdAt))) {
    throw new NotReachedError(asset, statement.version);
  }
  const event = statedEvent(statement, projectId, { channel: 'guard', reason: `late write of ${path}` });
  await events.publish(encodeEvent(event));
  log.warn('an asset was written after the deletion of its project; the project is deleted again', {
    projectId,
    eventId: event.id,
    collection: collection.name,
    asset: path,
  });
  return { kind: 'published', eventId: event.id };
}
