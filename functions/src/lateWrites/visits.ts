import { type DocumentSnapshot, type Firestore, type QueryDocumentSnapshot, Timestamp } from 'firebase-admin/firestore';
import type { Clock } from '../clock.ts';
import { type AssetCollection, type Config, recordCollections } from '../config/defineConfig.ts';
import { type ControlReader, pauseOf } from '../control/control.ts';
import { encodeEvent } from '../events/codec.ts';
import { isNewer } from '../events/version.ts';
import { isOvertaken } from '../grpc.ts';
import { errorText, type Log } from '../log.ts';
import type { Publisher } from '../publisher.ts';
import { assetsAmong, assetsAt } from '../records/assetQuery.ts';
import { textFromDocumentId } from '../records/documentIds.ts';
import { fieldPathOf } from '../records/fieldPath.ts';
import { type ProjectRecord, parseProjectRecord, type Visit, visitData } from '../records/projectRecord.ts';
import { doneBefore, visitAfter } from '../records/visits.ts';
import { statedEvent } from '../source/statedEvent.ts';
import type { ProjectTruth } from '../source/truth.ts';
import { claimsTheFuture } from '../sync/settle.ts';
import { reaches } from './judgeWrite.ts';
import type { VisitLimits } from './limits.ts';

export interface VisitDependencies {
  readonly firestore: Firestore;
  readonly config: Config;
  readonly truth: ProjectTruth;
  /** Topic of events. */
  readonly events: () => Promise<Publisher>;
  readonly control: ControlReader;
  /** Whether this deployment writes no assets. */
  readonly isShadow: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: VisitLimits;
}

/** What a visit came to. */
export type VisitOutcome =
  /** There is nothing to look for: the project lives, or a deletion is under way, which is visited when it is done. */
  | 'needless'
  | 'nothing-found'
  /** MongoDB has the project: the news of its creation is on its way. */
  | 'alive'
  /** MongoDB has not reached the time of what was found: the visit is put off. */
  | 'too-early'
  | 'published';

/** Documents that a query for the assets of a pattern looks at: elsewhere there may be others of the same project. */
const mostOfPattern = 20;

/** Visits the projects whose deletion was applied a while ago, and publishes a deletion of each that has assets again.
 *  It deletes nothing. Whoever runs regularly calls it: a crash in between, or another process at the same time,
 *  publishes a deletion twice, which does no harm.
 *
 *  Costs one read when none is due. A visit costs the read of its record, one for each collection (of a pattern up to
 *  20) and one write, whatever the number of assets; MongoDB is asked where some are found.
 *  @returns how many deletions were published
 *  @throws what Firestore answered to the listing; a visit that fails is logged and stays due. */
export async function visitDeletions(dependencies: VisitDependencies): Promise<number> {
  const { firestore, clock, log, limits, control, isShadow } = dependencies;
  // What would be found could not be deleted now: it is looked for when it can.
  if (isShadow || pauseOf(await control.read(), 'deletions') !== undefined) return 0;
  const until = clock.now() + limits.roundMs;
  const due = await firestore
    .collection(recordCollections.projects)
    .where('visitAt', '<=', Timestamp.fromMillis(clock.now()))
    .orderBy('visitAt')
    .limit(limits.mostVisits)
    .get();
  let published = 0;
  for (let from = 0; from < due.size && clock.now() < until; from += limits.atOnce) {
    const some = due.docs.slice(from, from + limits.atOnce);
    const outcomes = await Promise.allSettled(some.map((record) => visit(dependencies, record)));
    published += outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value === 'published').length;
    const failed = outcomes.findIndex(({ status }) => status === 'rejected');
    const failure = outcomes[failed];
    if (failure?.status === 'rejected') {
      log.error('a deleted project could not be visited; retrying', {
        record: some[failed]?.ref.path,
        error: errorText(failure.reason),
      });
      // The others would meet the same.
      break;
    }
  }
  return published;
}

async function visit(dependencies: VisitDependencies, snapshot: QueryDocumentSnapshot): Promise<VisitOutcome> {
  const { log, limits, clock } = dependencies;
  const record = readRecord(dependencies, snapshot);
  if (record?.visit == null || record.desired.kind !== 'deleted' || record.appliedRevision < record.revision) {
    await moveOn(dependencies, snapshot, null);
    return 'needless';
  }
  const outcome = await look(dependencies, record);
  const { number } = record.visit;
  if (outcome === 'too-early') {
    await moveOn(dependencies, snapshot, { number, at: clock.now() + limits.putOffMs });
    log.info('a visit of a deleted project is put off: MongoDB has not reached the time of its assets', {
      projectId: record.projectId,
      visit: number,
      version: record.desired.version,
    });
    return outcome;
  }
  // Behind the message: a crash in between has the project visited again.
  await moveOn(
    dependencies,
    snapshot,
    visitAfter({ number, doneAt: doneBefore(record.visit, limits.visitAfterMs) }, limits.visitAfterMs, clock.now()),
  );
  log.debug('a deleted project was visited', { projectId: record.projectId, visit: number, outcome });
  return outcome;
}

/** The record; undefined for one that cannot be understood, which an event of its project raises an alarm for. */
function readRecord({ log }: VisitDependencies, snapshot: DocumentSnapshot): ProjectRecord | undefined {
  try {
    return parseProjectRecord(textFromDocumentId(snapshot.id), snapshot.data());
  } catch (error) {
    log.error('a deleted project is not visited any more: its record cannot be read', { error: errorText(error) });
    return undefined;
  }
}

/** Looks for assets of a project that is gone. */
async function look(dependencies: VisitDependencies, record: ProjectRecord): Promise<VisitOutcome> {
  const { config, truth, events, log, clock, limits } = dependencies;
  const { projectId } = record;
  const found = (
    await Promise.all(config.collections.map((collection) => firstAsset(dependencies, collection, projectId)))
  ).filter((asset) => asset !== undefined);
  const [first] = found;
  if (first === undefined) return 'nothing-found';
  const statement = await truth.ask([projectId]);
  if (statement.projects.has(projectId)) return 'alive';
  // A record that claims the future is noticed by the work on an event, and only by that: it raises a dead letter.
  const isOdd = claimsTheFuture(record.desired, clock.now() + limits.maxFutureMs);
  const isReached = found.some(({ createTime }) => reaches(statement.version, createTime.toMillis()));
  if (!isOdd && !(isReached && isNewer(statement.version, record.desired.version))) return 'too-early';
  const event = statedEvent(statement, projectId, { channel: 'visit', reason: `late write of ${first.ref.path}` });
  await (await events()).publish(encodeEvent(event));
  log.warn('assets were written after the deletion of their project; the project is deleted again', {
    projectId,
    eventId: event.id,
    asset: first.ref.path,
    visit: record.visit?.number,
  });
  return 'published';
}

async function firstAsset(
  { firestore }: VisitDependencies,
  collection: AssetCollection,
  projectId: string,
): Promise<QueryDocumentSnapshot | undefined> {
  const found = await assetsAt(firestore, collection)
    .where(fieldPathOf(collection.projectId), '==', projectId)
    .select()
    .limit(collection.kind === 'pattern' ? mostOfPattern : 1)
    .get();
  return assetsAmong(collection, found.docs)[0];
}

/** Notes the next visit, unless the record has changed since it was read: then it says by itself what comes. */
async function moveOn(
  { firestore }: VisitDependencies,
  { ref, updateTime }: QueryDocumentSnapshot,
  next: Visit | null,
): Promise<void> {
  const record = firestore.doc(ref.path);
  await record.update(visitData(next), { lastUpdateTime: updateTime }).catch((error: unknown) => {
    if (!isOvertaken(error)) throw error;
  });
}
